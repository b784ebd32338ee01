// Somebody at a desk who types commands: the real command line in this process, over a home and a working directory
// of its own and a clock that stands still. What random parts came out as is told apart by number, so that whole
// outputs can be written down in a test.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sink } from '../../src/cli/output.ts';
import { run } from '../../src/cli/run.ts';
import { createWorld } from '../../src/cli/world.ts';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { type Clock, scratch, tick } from '../support/vault.ts';

// As the program does, whatever the tests are run under.
process.umask(0o077);

/** Long ago by any clock: the store's own time of an object is the machine's. */
const BEGINNING = '2025-03-01T05:58:12Z';

/** What came of one command. */
export interface Said {
  readonly code: number;
  /** Stdout and stderr, tidied. */
  readonly out: string;
  readonly err: string;
  readonly bytes: Buffer;
  /** The lines of stdout as JSON, untidied. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it expects.
  json(): Record<string, any>[];
  /** The same, tidied, a line each. */
  lines(): string[];
}

export interface Desk {
  /** Everything is below it; `BASE` in what is said. */
  readonly base: string;
  /** The working directory. */
  readonly work: string;
  readonly state: string;
  readonly clock: Clock;
  readonly identity: string;
  readonly recipient: string;
  readonly env: Record<string, string | undefined>;
  /** Types a command. The clock moves on by a minute first. */
  say(line: string | readonly string[], env?: Record<string, string | undefined>): Promise<Said>;
  /** As `say`, and throws unless it ends with `code`. */
  ok(line: string | readonly string[], code?: number): Promise<Said>;
  /** Writes a file below the working directory, or at an absolute path, 0600. */
  write(path: string, content: string | Buffer, mode?: number): string;
  /** Random and passing parts of a text as names. */
  tidy(text: string): string;
}

/** A desk with a small deployment in its working directory and no vault yet. */
export async function desk(host = 'web-1'): Promise<Desk> {
  const base = scratch();
  const work = join(base, 'shop');
  const identity = await generateIdentity('x25519');
  const clock: Clock = { now: new Date(BEGINNING) };
  const write: Desk['write'] = (path, content, mode = 0o600) => {
    const at = path.startsWith('/') ? path : join(work, path);
    mkdirSync(join(at, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(at, content);
    chmodSync(at, mode);
    return at;
  };
  write('.env', 'TOKEN=1\n');
  write('certs/site.pem', 'PEM\n', 0o640);
  const env: Desk['env'] = {
    XDG_STATE_HOME: join(base, 'xdg/state'),
    XDG_CACHE_HOME: join(base, 'xdg/cache'),
    XDG_DATA_HOME: join(base, 'xdg/data'),
    XDG_CONFIG_HOME: join(base, 'xdg/config'),
    STRONGROOM_HOST: host,
    STRONGROOM_IDENTITY_FILE: write(join(base, 'keys/me.txt'), `${identity}\n`),
  };
  const tidy = tidier(base);
  const self: Desk = {
    base,
    work,
    state: join(base, 'xdg/state/strongroom'),
    clock,
    identity,
    recipient: await recipientOf(identity),
    env,
    write,
    tidy,
    async say(line, more = {}) {
      tick(clock);
      const [stdout, stderr] = [capture(), capture()];
      const given = Object.entries({ ...env, ...more }).filter(([, value]) => value !== undefined);
      const code = await run({
        argv: typeof line === 'string' ? line.split(' ') : line,
        env: Object.fromEntries(given),
        cwd: () => work,
        home: join(base, 'home'),
        isRoot: false,
        stdout,
        stderr,
        signal: new AbortController().signal,
        version: '1.2.3',
        now: () => clock.now,
        monotonic: () => performance.now(),
        world: createWorld,
      });
      const text = stdout.bytes().toString();
      const rows = () => text.split('\n').filter((row) => row !== '');
      return {
        code,
        out: tidy(text),
        err: tidy(stderr.bytes().toString()),
        bytes: stdout.bytes(),
        json: () => rows().map((row) => JSON.parse(row)),
        lines: () => rows().map(tidy),
      };
    },
    async ok(line, code = 0) {
      const said = await self.say(line);
      if (said.code !== code)
        throw new Error(`${line}: exit ${said.code}, not ${code}\n${said.out}${said.err}`);
      return said;
    },
  };
  return self;
}

/** A desk whose deployment has a vault that opens with the desk's identity; its clock stands a minute later. */
export async function deskWithVault(host?: string): Promise<Desk> {
  const at = await desk(host);
  await at.ok(['init', '--location', join(at.base, 'vault'), '--recipient', at.recipient]);
  return at;
}

function capture(): Sink & { bytes(): Buffer } {
  const chunks: Buffer[] = [];
  return {
    isTerminal: false,
    columns: () => 80,
    write: (text) => void chunks.push(Buffer.from(text)),
    writeBytes: async (chunk) => void chunks.push(Buffer.from(chunk)),
    bytes: () => Buffer.concat(chunks),
  };
}

const RANDOM: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['FINGERPRINT', /SHA256:[A-Za-z0-9+/]{43}/g],
  ['ID', /\b\d{8}T\d{6}Z-[0-9a-hjkmnp-tv-z]{6}\b/g],
  ['RECIPIENT', /\bage1[0-9a-z]{50,}/g],
  ['SHORT', /\bage1[0-9a-z]{8}…/g],
  ['VAULT', /(?<=vault"?: ?"?)[0-9a-hjkmnp-tv-z]{26}\b/g],
  ['RANDOM', /(?<=\/(?:1|age|age-\d|passphrase)-)[0-9a-hjkmnp-tv-z]{10}\b/g],
  ['HASH', /\b[0-9a-f]{64}\b/g],
];

function tidier(base: string): (text: string) => string {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  const nameOf = (kind: string, found: string): string => {
    const known = names.get(found);
    if (known !== undefined) return known;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const name = `${kind}-${count}`;
    names.set(found, name);
    return name;
  };
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  return (text) => {
    let tidied = text.replaceAll(base, 'BASE').replaceAll(` ${user} `, ' UID:GID ');
    for (const [kind, pattern] of RANDOM) tidied = tidied.replace(pattern, (found) => nameOf(kind, found));
    return (
      tidied
        .replace(/\b\d+(?:\.\d+)? s\b/g, 'N s')
        .replace(/"(seconds|mtime|uid|gid|stored)":-?[\d.]+/g, '"$1":"N"')
        // The settings hold the path of the vault, so they are as long as that is.
        .replace(/(?<=[ (])\d+(?:\.\d)? (?:B|KiB)(?=[,):\n]| stored)/g, 'SIZE')
        .replace(/"bytes":\d+/g, '"bytes":"N"')
    );
  };
}
