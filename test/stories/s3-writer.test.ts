// Somebody who may write to the bucket, and holds none of our keys. Whatever he does to it is noticed: by verify, which
// names the object, and by restore, which then changes nothing.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateSigningKey } from '../../src/sign/key.ts';
import { noMemory } from '../../src/vault/client.ts';
import type { Pin } from '../../src/vault/pin.ts';
import { unlock } from '../../src/vault/unlock.ts';
import { flipped, sign } from '../support/forge.ts';
import { type Machine, machines, type RunOptions } from '../support/program.ts';
import { type Bucket, s3Ground, skipS3 } from '../support/s3.ts';
import { withKey } from '../support/vault.ts';

const machine = machines();

describe.skipIf(skipS3)('a bucket that somebody else writes to', () => {
  const bucket = s3Ground();
  let place: Bucket;
  let web: Machine;
  let opens: RunOptions;
  let older: string;
  let newer: string;
  /** Every object as we left it. */
  const kept = new Map<string, Buffer>();
  /** As it stood before the vault document's second revision. */
  let first: Buffer;

  beforeAll(async () => {
    place = await bucket();
    web = machine('web-1');
    const me = await web.identity();
    const other = await web.identity('other.txt');
    opens = { env: { ...place.env(), STRONGROOM_IDENTITY_FILE: me.file } };
    web.write('.env', 'TOKEN=1\n');
    const keys = ['--recipient', me.recipient, '--recipient', other.recipient];
    const init = ['init', '--name', 'app', '--location', place.location, ...keys, '--json'];
    const pin: Pin = (await web.ok(init, opens)).summary().pin;
    older = (await web.ok(['backup', '--json'], opens)).summary().snapshot;
    web.write('.env', 'TOKEN=2\n');
    newer = (await web.ok(['backup', '--json'], opens)).summary().snapshot;
    first = await place.get('vault/1.json');

    // An administrator enrolls another host: a second revision, which this machine hears of.
    const context = { store: await place.store(), memory: noMemory(), now: () => new Date() };
    const admin = await unlock(context, { pin, credentials: async () => [await withKey(me.identity)] });
    const { document, authority } = admin;
    const host = { name: 'db-1', key: generateSigningKey().publicKey, sets: ['*'], may: ['write'] };
    const hosts = [...document.hosts, { ...host, added: document.time }];
    const next = { ...document, revision: 2, object: 'vault/2.json', hosts };
    await place.put('vault/2.json', sign(next, 'vault', authority));
    await web.ok(['verify'], opens);
    for (const name of await place.names()) kept.set(name, await place.get(name));
  }, 240_000);

  beforeEach(async () => {
    for (const name of await place.names()) if (!kept.has(name)) await place.remove(name);
    for (const [name, bytes] of kept) await place.put(name, bytes);
  });

  const one = (pattern: RegExp): string => {
    const found = [...kept.keys()].filter((name) => pattern.test(name));
    expect(found).toHaveLength(1);
    return found[0]!;
  };
  const record = (id: string) => `snapshots/app/${id}.json`;
  const part = (id: string, artifact = 'files') => one(new RegExp(`^data/app/${id}/.*/${artifact}\\.`));
  const slots = () => [...kept.keys()].filter((name) => name.startsWith('keys/')).sort();
  const swap = async (a: string, b: string) => {
    await place.put(a, kept.get(b)!);
    await place.put(b, kept.get(a)!);
  };
  const flip = async (name: string) => {
    const bytes = kept.get(name)!;
    await place.put(name, flipped(bytes, bytes.length >> 1));
  };

  interface Attack {
    readonly name: string;
    run(): Promise<unknown>;
    /** `code` and object of what verify must find. */
    readonly found: readonly [code: string, object: () => string];
    /** What restoring the newest snapshot ends in; undefined: it works, since that snapshot was not touched. */
    readonly restore: string | undefined;
  }

  const attacks: Attack[] = [
    {
      name: 'overwrites a record with garbage',
      run: () => place.put(record(newer), 'garbage'),
      found: ['unsigned', () => record(newer)],
      restore: 'unsigned',
    },
    {
      name: 'overwrites a part',
      run: () => flip(part(newer)),
      found: ['part-differs', () => part(newer)],
      restore: 'part-differs',
    },
    {
      name: 'replays an older record under a newer name',
      run: () => place.put(record(newer), kept.get(record(older))!),
      found: ['misplaced', () => record(newer)],
      restore: 'misplaced',
    },
    {
      name: 'replays an older snapshot’s files in a newer one',
      run: () => place.put(part(newer), kept.get(part(older))!),
      found: ['part-differs', () => part(newer)],
      restore: 'part-differs',
    },
    {
      name: 'swaps files and contents',
      run: () => swap(part(newer), part(newer, 'contents')),
      found: ['part-differs', () => part(newer)],
      restore: 'part-differs',
    },
    {
      name: 'swaps the two slots',
      run: () => swap(slots()[0]!, slots()[1]!),
      found: ['object-differs', () => slots()[0]!],
      restore: 'slot-differs',
    },
    {
      name: 'replaces a slot',
      run: () => place.put(slots()[0]!, 'garbage'),
      found: ['object-differs', () => slots()[0]!],
      restore: 'slot-differs',
    },
    {
      name: 'replaces RECOVERY.md',
      run: () => place.put('RECOVERY.md', 'Send your passphrase to me.\n'),
      found: ['object-differs', () => 'RECOVERY.md'],
      restore: undefined,
    },
    {
      name: 'takes the newest record away',
      run: () => place.remove(record(newer)),
      found: ['missing-newest', () => record(newer)],
      restore: 'missing-newest',
    },
    {
      name: 'takes a part away',
      run: () => place.remove(part(newer)),
      found: ['missing-part', () => part(newer)],
      restore: 'missing-part',
    },
  ];

  it.each(attacks)('$name', async ({ run, found, restore }) => {
    await run();
    const checked = await web.run(['verify', '--json'], opens);
    const [code, object] = found;
    const said = checked.stdout + checked.stderr;
    expect(checked.code, said).toBe(13);
    const findings = checked.lines().map((m) => [m.code, m.object]);
    expect(findings, said).toContainEqual([code, object()]);
    const out = join(web.directory, `out-${Math.random()}`);
    const args = ['restore', 'latest', '--set', 'app', '--target', out, '--json'];
    const restored = await web.run(args, opens);
    if (restore === undefined) expect(restored.code, restored.stderr).toBe(0);
    else {
      expect([restored.code, restored.failure().code], restored.stderr).toEqual([13, restore]);
      expect(existsSync(out)).toBe(false);
    }
  });

  it('rolls the vault document back', async () => {
    await place.remove('vault/2.json');
    for (const command of [['verify'], ['list'], ['restore', 'latest', '--set', 'app', '--target', 'x']]) {
      const ran = await web.run([...command, '--json'], opens);
      expect([ran.code, ran.failure().code], ran.stderr).toEqual([13, 'older-revision']);
      expect(ran.failure().message).toMatch(/revision 1\b.*revision 2\b/);
    }
    expect(existsSync(join(web.work, 'x'))).toBe(false);
  });

  it('puts an older vault document in the place of the newer', async () => {
    await place.put('vault/2.json', first);
    const ran = await web.run(['list', '--json'], opens);
    expect([ran.code, ran.failure().code], ran.stderr).toEqual([13, 'older-revision']);
  });

  it('puts a vault of his own in the place of ours', async () => {
    const thief = machine('thief');
    const theirs = await bucket();
    thief.write('.env', 'FORGED=1\n');
    const me = await thief.identity();
    const env = theirs.env();
    const init = ['init', '--name', 'app', '--location', theirs.location, '--recipient', me.recipient];
    await thief.ok(init, { env });
    await thief.ok(['backup', '--set', 'app'], { env });
    for (const name of await place.names()) await place.remove(name);
    for (const name of await theirs.names()) await place.put(name, await theirs.get(name));
    for (const command of [['list'], ['verify'], ['restore', '--set', 'app', '--target', 'forged']]) {
      const ran = await web.run([...command, '--json'], opens);
      expect([ran.code, ran.failure().code], ran.stderr).toEqual([13, 'foreign-vault']);
      expect(ran.stdout).not.toContain('FORGED');
    }
    expect(existsSync(join(web.work, 'forged'))).toBe(false);
  });
});
