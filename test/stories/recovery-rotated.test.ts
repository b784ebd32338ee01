// The day strongroom is not to be had, after keys were rotated and hosts removed: RECOVERY.md leads to old snapshots and
// to those that were encrypted anew. Whoever writes to the store, or stole an old key, gets nothing of his out of it.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptBytes } from '../../src/crypt/age.ts';
import { generateIdentity } from '../../src/crypt/identity.ts';
import type { Store } from '../../src/store/store.ts';
import { removeHost } from '../../src/vault/hosts/remove.ts';
import { type Pin, pinOf } from '../../src/vault/pin.ts';
import { RECOVERY_TEXT } from '../../src/vault/recovery-text.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import type { UnlockedVault } from '../../src/vault/vault.ts';
import { bodyOf, enroll, forge, objectsOf, sign, signBytes } from '../support/forge.ts';
import { isRoot, missingTools, type Recovered, recover, recoveredTree } from '../support/recovery.ts';
import { reencryptVault, rotateVault } from '../support/rotation.ts';
import {
  makeVault,
  newHost,
  openUnlocked,
  PASSPHRASE,
  sha256,
  type TestVault,
  withKey,
} from '../support/vault.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-recovery-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Stores a vault as files. */
async function copied(store: Store, name: string): Promise<string> {
  const place = join(directory, name);
  for (const [object, bytes] of await objectsOf(store)) put(join(place, object), bytes);
  return place;
}

function put(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

const open = async (made: TestVault, by = made.pin): Promise<UnlockedVault> =>
  await openUnlocked(made, { pin: by, credential: await withKey(made.key) });

/** Whatever somebody may write into a tag; what the shells could take for more than text. */
const TAGS = {
  unicode: 'grüße 🗝 \u2028 \ud83d\udd11',
  quotes: '"a\\"b" \\" \\\\" \\\\\\"',
  escapes: '\\n \\\\n \\t\\0101 \\x41 \\u0041 \\c %s %b $(id) `id`',
  control: '\n\t\r\b\f\u0001\u007f',
};

let vault: TestVault;
let identity: string;
/** Rotated twice; nothing encrypted anew, and once more with all of it. */
let rotated: string;
let reencrypted: string;
/** A snapshot of each generation; one by a host that had not heard of the first rotation; one after it all. */
let ids: Record<'first' | 'straggler' | 'second' | 'third' | 'late', string>;
const FIRST = () => ({ '.env': '600 TOKEN=first\n', 'bin/': '700', 'bin/run': '600 #!/bin/sh\n' });
let fingerprints: string[];
/** What opened each generation: a thief of old keys has these. */
let thief: UnlockedVault;
/** Of the vault after it all. */
let pin: Pin;

beforeAll(async () => {
  vault = await makeVault();
  identity = join(directory, 'id.txt');
  put(identity, `${vault.key}\n`);
  const take = async (token: string, by?: Pin, more = {}) =>
    (await vault.backup({ '.env': `TOKEN=${token}\n`, ...more }, { tags: TAGS, ...(by ? { pin: by } : {}) }))
      .snapshot;
  const first = await take('first', undefined, { 'bin/run': '#!/bin/sh\n' });
  const second = await rotateVault(vault, await open(vault));
  thief = second.vault;
  const straggler = await take('straggler');
  const under2 = await take('second', second.pin);
  const third = await rotateVault(vault, await open(vault, second.pin), { compromised: true });
  pin = third.pin;
  fingerprints = [vault.pin, second.pin, pin].map(({ authority }) => authority);
  ids = { first, straggler, second: under2, third: await take('third', pin), late: '' };
  rotated = await copied(vault.store, 'rotated');
  await reencryptVault(await open(vault, pin));
  ids.late = await take('late', second.pin);
  reencrypted = await copied(vault.store, 'reencrypted');
});

const run = (place: string, id: string, how: Partial<Parameters<typeof recover>[2]> = {}): Recovered =>
  recover(place, directory, { set: 'app', id, identity, ...how });
const recordOf = (place: string, id: string, n?: number) =>
  join(place, `snapshots/app/${id}${n === undefined ? '' : `.${n}`}.json`);

const LONG = process.env.STRONGROOM_LONG === '1';

describe.skipIf(missingTools.length > 0)('a rotated vault, recovered with stock tools alone', () => {
  it.each(LONG ? (['first', 'straggler', 'second', 'third'] as const) : (['straggler', 'second'] as const))(
    'gives the %s snapshot, whose key was rotated out or not',
    (name) => {
      const { out, said, left } = run(rotated, ids[name]);
      expect(recoveredTree(out)['.env'], said).toBe(`600 TOKEN=${name}\n`);
      expect(left).toEqual([]);
    },
  );

  it.each(
    LONG ? (['first', 'straggler', 'second', 'third', 'late'] as const) : (['straggler', 'late'] as const),
  )('gives the %s snapshot, after they were encrypted anew', (name) => {
    const n = name === 'third' || name === 'late' ? undefined : 3;
    expect(existsSync(recordOf(reencrypted, ids[name], n))).toBe(true);
    const { out, said, left } = run(reencrypted, ids[name]);
    expect(recoveredTree(out)['.env'], said).toBe(`600 TOKEN=${name}\n`);
    expect(left).toEqual([]);
  });

  it.each([
    ['with the passphrase', { passphrase: PASSPHRASE, identity: undefined }],
    ['in sh', { shell: 'sh' }],
    ...(isRoot ? ([['by a user who is not root', { user: 'nobody', shell: 'sh' }]] as const) : []),
  ] as const)('%s', (_, how) => {
    for (const place of [rotated, reencrypted]) {
      const { identity: key = identity, ...more } = how as Partial<Parameters<typeof recover>[2]>;
      const { out, said } = recover(place, directory, {
        set: 'app',
        id: ids.first,
        ...('identity' in how ? {} : { identity: key }),
        ...more,
      });
      expect(recoveredTree(out), said).toEqual(FIRST());
    }
  });

  it('shows how the fingerprint of old leads to the one of today', () => {
    const { said } = run(reencrypted, ids.first);
    const shown = [...said.matchAll(/Good "strongroom-vault-v1" .* for (\w+) with ED25519 key (\S+)/g)];
    expect(shown.map(([, who, key]) => `${who} ${key}`)).toEqual([
      `authority ${fingerprints[2]}`,
      `new ${fingerprints[1]}`,
      `old ${fingerprints[0]}`,
      `new ${fingerprints[2]}`,
      `old ${fingerprints[1]}`,
    ]);
  });
});

describe.skipIf(missingTools.length > 0)('gives nothing that was planted, when', () => {
  const planted = /PLANTED|FORGED/;
  /** What a thief of the second generation's key makes: data to its public half, in the place of a snapshot. */
  async function theirs(place: string, honest: boolean): Promise<object> {
    const store = (await makeVault({ clock: vault.clock })).store;
    const { recipient } = thief.document.generations[1]!;
    const forged = await forge(
      { ...vault, store, pin: { ...vault.pin, generation: 2, recipient } },
      { id: ids.first },
    );
    const record = bodyOf((await store.get(forged.object))!) as {
      artifacts: { name: string; parts: { object: string; size: number; sha256: string }[] }[];
      data: string;
      contents: string;
    };
    for (const [name, bytes] of await objectsOf(store))
      if (name.startsWith('data/')) put(join(place, name), bytes);
    const outer = bodyOf(readFileSync(recordOf(place, ids.first, 3))) as typeof record;
    const { artifacts, data, contents } = record;
    if (honest) {
      // The host's own contents, with which only the files do not agree.
      const name = `${data}/contents.json.gz.age.00000`;
      const index = readFileSync(join(place, outer.artifacts.at(-1)!.parts[0]!.object));
      put(join(place, name), index);
      artifacts[1]!.parts = [{ object: name, size: index.length, sha256: sha256(index) }];
    }
    const object = `snapshots/app/${ids.first}.2.json`;
    return { ...outer, object, generation: 2, artifacts, data, contents: honest ? outer.contents : contents };
  }

  const nothing = ({ out, said }: Recovered) => {
    expect(recoveredTree(out), said).toEqual({});
    expect(said).not.toMatch(planted);
  };

  it.each(['bash', 'sh'])('a thief of an old key put his own bytes into a snapshot, in %s', async (shell) => {
    for (const honest of [true, false]) {
      const place = await copied(vault.store, `thief-${shell}-${honest}`);
      const record = await theirs(place, honest);
      rmSync(recordOf(place, ids.first, 3));
      put(recordOf(place, ids.first, 2), sign(record, 'record', thief.authority));
      const done = run(place, ids.first, { shell });
      expect(done.said).toContain(`Good "strongroom-record-v1" signature for authority`);
      nothing(done);
    }
  });

  it('he left the true record beside it: that one is taken', async () => {
    const place = await copied(vault.store, 'beside');
    put(recordOf(place, ids.first, 2), sign(await theirs(place, false), 'record', thief.authority));
    const { out, said } = run(place, ids.first);
    expect(recoveredTree(out), said).toEqual(FIRST());
  });

  it('the host, not the authority, signed that a snapshot was encrypted anew', async () => {
    const place = await copied(vault.store, 'by-host');
    const record = await theirs(place, false);
    for (const n of [2, 3, 9]) {
      const object = `snapshots/app/${ids.first}.${n}.json`;
      put(join(place, object), sign({ ...record, object, generation: n }, 'record', vault.host.key));
    }
    nothing(run(place, ids.first));
  });

  it('there is a record of a generation that the vault has not: it is passed over', async () => {
    const place = await copied(vault.store, 'ninth');
    const record = { ...(await theirs(place, false)), object: `snapshots/app/${ids.first}.9.json` };
    put(recordOf(place, ids.first, 9), sign({ ...record, generation: 9 }, 'record', thief.authority));
    // So are names that are none.
    put(join(place, `snapshots/app/${ids.first}.*.json`), 'PLANTED');
    const { out, said } = run(place, ids.first);
    expect(recoveredTree(out), said).toEqual(FIRST());
    expect(said).not.toMatch(planted);
  });

  it('the host’s record inside was changed, by whoever has an old authority', async () => {
    const place = await copied(vault.store, 'changed');
    const record = await theirs(place, false);
    const { original } = record as { original: string };
    const inner = bodyOf(Buffer.from(original));
    const contents = (record as { contents: string }).contents;
    const changed = Buffer.from(original).toString().replace(String(inner.contents), contents);
    expect(changed).not.toBe(original);
    rmSync(recordOf(place, ids.first, 3));
    const sealed = sign({ ...record, original: changed }, 'record', thief.authority);
    put(recordOf(place, ids.first, 2), sealed);
    const done = run(place, ids.first);
    expect(done.said).toMatch(/Could not verify signature/);
    nothing(done);
  });

  it('the host’s record inside is that of another snapshot', async () => {
    const place = await copied(vault.store, 'other');
    // With its bytes, so that all but its name agrees.
    const outer = bodyOf(readFileSync(recordOf(place, ids.second, 3))) as { data: string; artifacts: object };
    const data = `data/app/${ids.first}/2-0000000000`;
    cpSync(join(place, outer.data), join(place, data), { recursive: true });
    const artifacts = JSON.parse(JSON.stringify(outer.artifacts).replaceAll(outer.data, data)) as object;
    const object = `snapshots/app/${ids.first}.2.json`;
    const again = { ...outer, object, id: ids.first, generation: 2, data, artifacts };
    rmSync(recordOf(place, ids.first, 3));
    put(recordOf(place, ids.first, 2), sign(again, 'record', thief.authority));
    nothing(run(place, ids.first));
  });

  it('a byte of a record that was encrypted anew differs', async () => {
    const place = await copied(vault.store, 'byte');
    const path = recordOf(place, ids.first, 3);
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('"original"') + 200]! ^= 1;
    put(path, bytes);
    const done = run(place, ids.first);
    expect(done.said).toMatch(/Could not verify signature/);
    nothing(done);
  });

  it('what keeps an old key is another one', async () => {
    const current = bodyOf(
      readFileSync(join(rotated, 'vault/3.json')),
    ) as unknown as UnlockedVault['document'];
    const planted = Buffer.from(`# PLANTED\n${await generateIdentity('x25519')}\n`);
    const swapped = await encryptBytes(planted, [current.generations[2]!.recipient]);
    const done = run(rotated, ids.first, {
      tamper: (place) => put(join(place, current.generations[2]!.previous!.object), swapped),
    });
    expect(done.said).toContain('FAILED');
    nothing(done);
    // A further one beside it is not looked at.
    const beside = run(rotated, ids.first, {
      tamper: (place) => put(join(place, 'keys/3/previous-0000000000.age'), swapped),
    });
    expect(recoveredTree(beside.out), beside.said).toEqual(FIRST());
  });

  it('the newest vault document is by a key that was rotated out: its fingerprint is the old one', async () => {
    const place = await copied(vault.store, 'superseded');
    const old = bodyOf(readFileSync(join(place, 'vault/2.json')));
    const object = 'vault/9.json';
    put(join(place, object), sign({ ...old, object, revision: 9 }, 'vault', thief.authority));
    const { said } = run(place, ids.first);
    const [, shown] = /Good "strongroom-vault-v1" .* for authority with ED25519 key (\S+)/.exec(said)!;
    expect(shown).toBe(fingerprints[1]);
    expect(said).toContain(`for old with ED25519 key ${fingerprints[1]}`);
  });
});

describe.skipIf(missingTools.length > 0)('a host that was removed', () => {
  const removed = async (more: (vault: TestVault) => Promise<string>) => {
    const made = await makeVault({ clock: vault.clock });
    const web2 = await enroll(made, newHost('web-2'));
    const { snapshot: id } = await made.backup({ '.env': 'TOKEN=kept\n' }, { host: web2.host });
    const { vault: after } = await removeHost(await open({ ...made, document: web2.document }), 'web-2');
    const forged = await more({ ...made, host: web2.host, document: after.document });
    const key = join(directory, `id-${id}.txt`);
    put(key, `${made.key}\n`);
    return { made, after, id, forged, key };
  };

  it('is believed in what it wrote before, and in nothing after; whether encrypted anew or not', async () => {
    const { made, id, forged, key } = await removed(async (v) => {
      const { id } = await forge(v, { files: { '.env': 'FORGED=1\n' } });
      return id;
    });
    const place = await copied(made.store, 'removed');
    const kept = run(place, id, { identity: key });
    expect(recoveredTree(kept.out), kept.said).toEqual({ '.env': '600 TOKEN=kept\n' });
    expect(kept.said).toMatch(/ledger\/\S+: OK/);
    expect(recoveredTree(run(place, forged, { identity: key }).out)).toEqual({});

    const { pin: newest } = await rotateVault(made, await open(made), { reencrypt: true });
    await reencryptVault(await open(made, newest));
    const { snapshots } = await readSnapshots(await open(made));
    expect(snapshots.map((s) => s.object)).toEqual([`snapshots/app/${id}.2.json`]);
    const again = await copied(made.store, 'removed-anew');
    for (const shell of ['bash', 'sh']) {
      const anew = run(again, id, { identity: key, shell });
      expect(recoveredTree(anew.out), anew.said).toEqual({ '.env': '600 TOKEN=kept\n' });
    }
  });

  it('is not believed by a ledger entry that was changed, or is gone', async () => {
    const { made, after, forged, key } = await removed(async (v) => (await forge(v)).id);
    const place = await copied(made.store, 'ledger');
    const { object } = after.document.hosts.find((h) => h.removed !== undefined)!.counts!;
    const entry = readFileSync(join(place, object));
    const { records } = bodyOf(entry) as { records: string[] };
    const digest = sha256(readFileSync(recordOf(place, forged)));
    const changed = bodyOf(entry);
    const sealed = sign({ ...changed, records: [...records, digest] }, 'ledger', made.host.key);
    for (const tamper of [
      (p: string) => put(join(p, object), sealed),
      (p: string) => rmSync(join(p, object)),
    ]) {
      const done = run(place, forged, { identity: key, tamper });
      expect(done.said).toMatch(/FAILED/);
      expect(recoveredTree(done.out)).toEqual({});
    }
  });

  it('and came back with a new key: each key counts for what it wrote', async () => {
    const { made, after, id, key } = await removed(async (v) => (await forge(v)).id);
    const host = newHost('web-2');
    const back = await enroll({ ...made, document: after.document }, host);
    const { snapshot: later } = await made.backup(
      { '.env': 'TOKEN=later\n' },
      { host, pin: pinOf(back.document) },
    );
    const place = await copied(made.store, 'back');
    for (const [which, token] of [
      [id, 'kept'],
      [later, 'later'],
    ] as const) {
      const { out, said } = run(place, which, { identity: key });
      expect(recoveredTree(out), said).toEqual({ '.env': `600 TOKEN=${token}\n` });
    }
  });
});

describe.skipIf(missingTools.length > 0)('the host’s record inside of another', () => {
  /** The command of RECOVERY.md that takes it out, without what it is given under. */
  const command = () => {
    const line = RECOVERY_TEXT.split('\n').find((l) => l.includes("printf '%b'"))!;
    return line.slice(line.indexOf('printf'));
  };

  const documents = fc.array(
    fc
      .tuple(
        fc.dictionary(
          fc.stringMatching(/^[a-z]{1,8}$/),
          fc.oneof(
            fc.string({ unit: 'grapheme', maxLength: 40 }),
            fc.string({ unit: fc.constantFrom('\\', '"', 'n', 'u', '0', '1', 'x', 'c', '%', '\n', "'") }),
          ),
          { maxKeys: 4 },
        ),
        fc.boolean(),
      )
      .map(([tags, isPretty]) =>
        signBytes(`${JSON.stringify({ tags }, null, isPretty ? 1 : '\t')}\n`, 'record', vault.host.key),
      ),
    { minLength: 1, maxLength: 60 },
  );

  it.each(['bash', 'sh'])(
    'comes out byte for byte, whatever its tags hold, in %s',
    { timeout: 60_000 },
    (shell) => {
      const base = mkdtempSync(join(directory, `original-${shell}-`));
      const script = join(base, 'run.sh');
      const body = RECOVERY_TEXT.split('\n').find((l) => l.startsWith('    body()'))!;
      writeFileSync(
        script,
        `export LC_ALL=C\n${body}\nfor record in *.json; do own="$record.own"; ${command()}; done\n`,
      );
      fc.assert(
        fc.property(documents, (originals) => {
          const place = mkdtempSync(join(base, 'x-'));
          for (const [i, original] of originals.entries()) {
            const outer = { format: 1, original: original.toString('utf8'), after: '"original": "x"' };
            writeFileSync(join(place, `${i}.json`), sign(outer, 'record', vault.authority));
          }
          const done = spawnSync(shell, [script], { cwd: place, encoding: 'utf8' });
          expect(done.stderr).toBe('');
          for (const [i, original] of originals.entries()) {
            expect(readFileSync(join(place, `${i}.json.own`)).equals(original)).toBe(true);
          }
        }),
        { numRuns: 12 },
      );
    },
  );
});
