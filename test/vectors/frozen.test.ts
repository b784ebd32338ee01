// Vaults that an earlier version made. Whatever the format becomes, each must still list, verify and restore, to the
// same bytes, by every way in that it has.

import { createHash } from "node:crypto";
import {
	chmodSync,
	cpSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Machine, machines, type RunOptions } from "../support/program.ts";

interface Frozen {
	readonly pin: {
		vault: string;
		generation: number;
		revision: number;
		recipient: string;
		authority: string;
	};
	readonly passphrase: string;
	readonly identity: string;
	readonly snapshots: readonly {
		readonly id: string;
		readonly set: string;
		readonly complete: boolean;
		readonly entries: Readonly<
			Record<string, { mode?: string; sha256?: string; target?: string }>
		>;
	}[];
}

const FROZEN = readdirSync(import.meta.dirname).filter((name) =>
	/^format-\d+/.test(name),
);
const machine = machines();

it("there is one of format 1, and a post-quantum one", () => {
	expect(FROZEN).toEqual(
		expect.arrayContaining(["format-1", "format-1-post-quantum"]),
	);
});

describe.each(FROZEN)("the frozen vault %s", (name) => {
	const frozen = join(import.meta.dirname, name);
	const expected = JSON.parse(
		readFileSync(join(frozen, "expected.json"), "utf8"),
	) as Frozen;
	let reader: Machine;
	let ways: Record<"passphrase" | "identity", RunOptions>;

	beforeAll(() => {
		reader = machine("reader");
		const copy = join(reader.directory, "frozen");
		cpSync(frozen, copy, { recursive: true });
		// git keeps no owner-only modes.
		for (const secret of [expected.passphrase, expected.identity])
			chmodSync(join(copy, secret), 0o600);
		const { vault, generation, revision, recipient, authority } = expected.pin;
		const pin = `{ vault: ${vault}, generation: ${generation}, revision: ${revision}, recipient: ${recipient}, authority: "${authority}" }`;
		writeFileSync(
			join(reader.work, "strongroom.yaml"),
			`location: ${join(copy, "vault")}\npin: ${pin}\n`,
			{ mode: 0o644 },
		);
		ways = {
			passphrase: {
				env: { STRONGROOM_PASSPHRASE_FILE: join(copy, expected.passphrase) },
			},
			identity: {
				env: { STRONGROOM_IDENTITY_FILE: join(copy, expected.identity) },
			},
		};
	});

	it("lists every snapshot that was not deleted", async () => {
		const listed = await reader.ok(["list", "--json"]);
		const ids = listed
			.lines()
			.filter((m) => m.message_type === "snapshot")
			.map(({ id, set, complete }) => ({ id, set, complete }));
		expect(ids).toEqual(
			expected.snapshots.map(({ id, set, complete }) => ({
				id,
				set,
				complete,
			})),
		);
		expect(listed.stderr).toBe("");
	});

	it.each(["passphrase", "identity"] as const)(
		"is sound, entry by entry, opened by its %s",
		async (way) => {
			const checked = await reader.ok(
				["verify", "--read-data", "--json"],
				ways[way],
			);
			expect(checked.summary()).toMatchObject({
				sound: true,
				errors: 0,
				warnings: 0,
				snapshots: expected.snapshots.length,
				read_data: true,
			});
		},
	);

	it("restores every snapshot to the bytes and modes that it had", async () => {
		for (const { id, set, entries } of expected.snapshots) {
			const target = join(reader.directory, "out", id);
			mkdirSync(join(target, ".."), { recursive: true });
			await reader.ok(
				["restore", id, "--set", set, "--target", target, "--as-recorded"],
				ways.identity,
			);
			expect(treeOf(target)).toEqual(entries);
		}
	});

	it("still knows the label, tag and description of its first", async () => {
		const shown = await reader.ok(["show", "@first", "--json"], ways.identity);
		expect(shown.summary()).toMatchObject({
			label: "first",
			tags: { ticket: "4711" },
			description: "The first one.",
		});
	});
});

/** As freeze.mjs describes a tree: paths, as latin1 of their bytes, to mode and SHA-256 or target. */
function treeOf(root: string): Frozen["snapshots"][number]["entries"] {
	const entries: Record<
		string,
		{ mode?: string; sha256?: string; target?: string }
	> = {};
	const look = (directory: Buffer, above: string): void => {
		for (const child of readdirSync(directory, { encoding: "buffer" })) {
			const path = Buffer.concat([directory, Buffer.from("/"), child]);
			const name = above + child.toString("latin1");
			const stat = lstatSync(path);
			const mode = (stat.mode & 0o7777).toString(8).padStart(4, "0");
			if (stat.isSymbolicLink()) entries[name] = { target: readlinkSync(path) };
			else if (!stat.isDirectory())
				entries[name] = {
					mode,
					sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
				};
			else {
				entries[name] = { mode };
				look(path, `${name}/`);
			}
		}
	};
	look(Buffer.from(root), "");
	return entries;
}
