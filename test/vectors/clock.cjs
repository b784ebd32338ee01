// Loaded before the program when a vault is frozen: it is then a day in January 2025, wherever and whenever that is
// done, and no copy of the vault is ever older than its records.
const began = Date.now();
const day = Date.UTC(2025, 0, 15, 12);
const Real = Date;
globalThis.Date = class extends Real {
	constructor(...args) {
		if (args.length === 0)
			super(
				Real.now() -
					began +
					day +
					Number(process.env.CLOCK_SECONDS ?? 0) * 1000,
			);
		else super(...args);
	}
};
