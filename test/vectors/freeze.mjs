// Makes the frozen vaults of format 1 with the program as it is built: once, when the format is released. From then
// on they stay as they are, and every later version must read them.
//   usage: npm run build && node test/vectors/freeze.mjs

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	chmodSync,
	existsSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
	generateHybridIdentity,
	generateIdentity,
	identityToRecipient,
} from "age-encryption";

const here = import.meta.dirname;
const main = resolve(here, "../../dist/main.cjs");
const PASSPHRASE = "frozen otter ladle quarry pebble bishop";
process.umask(0o022);

await freeze("format-1", await generateIdentity(), []);
await freeze("format-1-post-quantum", await generateHybridIdentity(), [
	"--post-quantum",
]);

async function freeze(name, identity, initFlags) {
	const out = join(here, name);
	if (existsSync(out)) throw new Error(`${name} is frozen already`);
	mkdirSync(out);
	const work = mkdtempSync(join(tmpdir(), "strongroom-freeze-"));
	const files = join(work, "shop");
	const recipient = await identityToRecipient(identity);
	writeFileSync(
		join(out, "identity.txt"),
		`# of a vault for tests: it protects nothing\n# recipient: ${recipient}\n${identity}\n`,
		{ mode: 0o600 },
	);
	writeFileSync(join(out, "passphrase"), `${PASSPHRASE}\n`, { mode: 0o600 });

	let minutes = 0;
	const strongroom = (args, { code = 0, env = {} } = {}) => {
		const ran = spawnSync(
			process.execPath,
			["-r", join(here, "clock.cjs"), main, ...args, "--json"],
			{
				cwd: files,
				encoding: "utf8",
				env: {
					PATH: process.env.PATH,
					HOME: work,
					XDG_STATE_HOME: join(work, "state"),
					STRONGROOM_HOST: "frozen-1",
					CLOCK_SECONDS: String(60 * ++minutes),
					...env,
				},
			},
		);
		if (ran.status !== code)
			throw new Error(
				`${args.join(" ")}: ${ran.status}\n${ran.stdout}${ran.stderr}`,
			);
		return JSON.parse(ran.stdout.trim().split("\n").pop());
	};

	populate(files);
	const { pin } = strongroom(
		[
			"init",
			"--name",
			"frozen",
			"--location",
			join(out, "vault"),
			"--passphrase",
			"--recipient",
			recipient,
			...initFlags,
		],
		{ env: { STRONGROOM_NEW_PASSPHRASE: PASSPHRASE } },
	);
	rmSync(join(files, "strongroom.yaml"));
	const backup = (set, args = [], options = {}) => {
		const location = ["--location", join(out, "vault")];
		const { snapshot, complete } = strongroom(
			["backup", ".", "--set", set, ...location, ...args],
			options,
		);
		return { id: snapshot, set, complete, entries: entriesOf(files) };
	};
	const deleted = backup("deleted");
	const first = backup("shop", [
		"--label",
		"first",
		"--tag",
		"ticket=4711",
		"--description",
		"The first one.",
	]);
	writeFileSync(join(files, ".env"), "TOKEN=second\n");
	const snapshots = [
		first,
		backup("shop"),
		backup("other", ["missing.key"], { code: 3 }),
	];
	strongroom([
		"delete",
		deleted.id,
		"--set",
		"deleted",
		"--yes",
		"--location",
		join(out, "vault"),
	]);
	const expected = {
		pin,
		passphrase: "passphrase",
		identity: "identity.txt",
		snapshots,
	};
	writeFileSync(
		join(out, "expected.json"),
		`${JSON.stringify(expected, null, 2)}\n`,
	);
	rmSync(join(out, "vault/tmp"), { recursive: true, force: true });
	rmSync(work, { recursive: true });
}

/** Every kind of entry, and names that are hard to store. */
function populate(files) {
	mkdirSync(join(files, "certs"), { recursive: true });
	mkdirSync(join(files, "empty"));
	const put = (name, content, mode) => {
		const path = Buffer.isBuffer(name)
			? Buffer.concat([Buffer.from(`${files}/`), name])
			: join(files, name);
		writeFileSync(path, content);
		chmodSync(path, mode);
	};
	put(".env", "TOKEN=first\n", 0o600);
	put("compose.yaml", "services: {}\n", 0o644);
	put("deploy", "#!/bin/sh\n", 0o755);
	put("nothing", "", 0o640);
	put("zeros", Buffer.alloc(100_000), 0o600);
	put("certs/with space.pem", "a\n", 0o600);
	put(`certs/${"b".repeat(120)}.pem`, "b\n", 0o600);
	put("certs/müller.pem", "c\n", 0o600);
	put(Buffer.from("certs/not-utf8-\xff.pem", "latin1"), "d\n", 0o600);
	put("certs/two\nlines.pem", "e\n", 0o600);
	put("-rf", "f\n", 0o600);
	symlinkSync("../.env", join(files, "certs/env"));
}

/** What is there: paths (as bytes of latin1) to mode, and SHA-256 or target. */
function entriesOf(root) {
	const entries = {};
	const look = (path, name) => {
		const stat = lstatSync(path);
		const mode = (stat.mode & 0o7777).toString(8).padStart(4, "0");
		const key = name.toString("latin1");
		if (stat.isSymbolicLink()) entries[key] = { target: readlinkSync(path) };
		else if (stat.isDirectory()) {
			if (key !== "") entries[key] = { mode };
			for (const child of readdirSync(path, { encoding: "buffer" }).sort(
				Buffer.compare,
			)) {
				const below =
					key === "" ? child : Buffer.concat([name, Buffer.from("/"), child]);
				look(Buffer.concat([path, Buffer.from("/"), child]), below);
			}
		} else
			entries[key] = {
				mode,
				sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
			};
	};
	look(Buffer.from(root), Buffer.alloc(0));
	return entries;
}
