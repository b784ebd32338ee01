// What the attacks come to on the command line: exit codes, the object by its name, and a target left alone.

import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Machine, machines, type RunOptions } from '../support/program.ts';

const machine = machines();

let web: Machine;
let vault: string;
let first: string;
let second: string;
let opens: RunOptions;

// A vault beside a deployment, with two snapshots of it.
beforeAll(async () => {
  web = machine('web-1');
  vault = join(web.directory, 'vault');
  const me = await web.identity();
  opens = { env: { STRONGROOM_IDENTITY_FILE: me.file } };
  web.write('.env', 'TOKEN=1\n');
  await web.ok(['init', '--name', 'shop', '--location', vault, '--recipient', me.recipient]);
  first = (await web.ok(['backup', '--set', 'shop', '--json'])).summary().snapshot;
  web.write('.env', 'TOKEN=2\n');
  second = (await web.ok(['backup', '--set', 'shop', '--json'])).summary().snapshot;
  cpSync(vault, `${vault}.kept`, { recursive: true });
  cpSync(web.work, `${web.work}.kept`, { recursive: true });
});

// Each test has both as they were.
beforeEach(() => {
  for (const directory of [vault, web.work]) {
    rmSync(directory, { recursive: true });
    cpSync(`${directory}.kept`, directory, { recursive: true });
  }
});

const objects = (): string[] =>
  readdirSync(vault, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(vault, name)).isFile(),
  );

/** The one object whose name is so. */
function objectLike(pattern: RegExp): string {
  const names = objects().filter((name) => pattern.test(name));
  expect(names).toHaveLength(1);
  return names[0]!;
}

/** Flips a bit in the middle of an object. */
function flip(name: string): void {
  const path = join(vault, name);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  rmSync(path);
  writeFileSync(path, bytes);
}

const restore = ['restore', 'latest', '--set', 'shop', '--target', 'out', '--json'];

describe('one flipped bit', () => {
  it.each<[string, () => RegExp, boolean]>([
    ['the vault document', () => /^vault\/1\.json$/, true],
    ['a slot', () => /^keys\/1\/age-/, true],
    ['RECOVERY.md', () => /^RECOVERY\.md$/, false],
    ['the newest record', () => new RegExp(`^snapshots/shop/${second}`), true],
    ['its files', () => new RegExp(`^data/shop/${second}/.*/files`), true],
    ['its contents', () => new RegExp(`^data/shop/${second}/.*/contents`), true],
  ])('in %s: verify ends in 13 and names it, restore changes nothing', async (_, pattern, needed) => {
    const name = objectLike(pattern());
    flip(name);
    const checked = await web.run(['verify', '--json']);
    expect([checked.code, checked.stdout + checked.stderr]).toEqual([13, expect.stringContaining(name)]);
    const deep = await web.run(['verify', '--read-data'], opens);
    expect([deep.code, deep.stdout + deep.stderr]).toEqual([13, expect.stringContaining(name)]);
    const restored = await web.run(restore, opens);
    expect(restored.code).toBe(needed ? 13 : 0);
    if (needed) expect(restored.failure().exit_code).toBe(13);
    expect(readdirSync(web.work).sort()).toEqual(['.env', ...(needed ? [] : ['out']), 'strongroom.yaml']);
  });

  it('in the newest record: the hint names the newest sound snapshot, which can be had', async () => {
    flip(`snapshots/shop/${second}.json`);
    const refused = await web.run(restore, opens);
    expect(refused.code).toBe(13);
    expect(refused.failure().hint).toContain(first);
    await web.ok(['restore', first, '--target', 'out'], opens);
    expect(readFileSync(join(web.work, 'out', '.env'), 'utf8')).toBe('TOKEN=1\n');
  });

  it('in a record: the cache of verified ones hides nothing', async () => {
    await web.ok(['list']);
    flip(`snapshots/shop/${second}.json`);
    const listed = await web.run(['list', '--json']);
    expect(listed.stdout).toContain(first);
    expect(listed.lines().filter((m) => m.message_type === 'snapshot' && m.id === second)).toEqual([]);
    expect((await web.run(restore, opens)).code).toBe(13);
  });
});

describe('the newest record taken away', () => {
  beforeEach(() => rmSync(join(vault, `snapshots/shop/${second}.json`)));

  it('is an alarm on the machine that saw it, and stays one', async () => {
    for (let i = 0; i < 2; i++) {
      const checked = await web.run(['verify', '--json']);
      expect(checked.code).toBe(13);
      expect(checked.lines()).toContainEqual(
        expect.objectContaining({ code: 'missing-newest', object: `snapshots/shop/${second}.json` }),
      );
    }
  });

  it('stops latest, as its damage would; the older one is restored when it is named', async () => {
    const ran = await web.run(restore, opens);
    expect(ran.code).toBe(13);
    expect(ran.failure()).toMatchObject({ code: 'missing-newest', hint: expect.stringContaining(first) });
    const named = await web.ok(
      restore.map((word) => (word === 'latest' ? first : word)),
      opens,
    );
    expect(named.summary().snapshot).toBe(first);
  });

  it('is said however quiet a restore is to be', async () => {
    const ran = await web.ok(['restore', first, '--set', 'shop', '--target', 'out', '--quiet'], opens);
    expect([ran.stdout, ran.stderr]).toEqual(['', expect.stringContaining(`${second} of shop`)]);
  });
});

describe('another vault in its place', () => {
  let theirs: string;
  beforeAll(async () => {
    // It has a slot for the victim's own recipient, which is in the vault document for everybody to read.
    const thief = machine('web-1');
    theirs = join(thief.directory, 'vault');
    thief.write('.env', 'FORGED=1\n');
    const [recipient] = /age1[0-9a-z]+/.exec((await web.ok(['keys', 'list', '--json'])).stdout) ?? [];
    await thief.ok(['init', '--name', 'shop', '--location', theirs, '--recipient', recipient!]);
    await thief.ok(['backup', '--set', 'shop']);
  });
  beforeEach(() => {
    rmSync(vault, { recursive: true });
    cpSync(theirs, vault, { recursive: true });
  });

  it.each([
    ['list'],
    ['verify'],
    ['backup'],
    ['show', 'latest'],
    ['cat', 'latest', '.env'],
    ['restore', '--target', 'out'],
  ])('is refused where the pin is: %s', async (...args) => {
    const before = objects();
    const ran = await web.run([...args, '--json'], opens);
    expect([ran.code, ran.failure().code]).toEqual([13, 'foreign-vault']);
    expect(ran.stdout).not.toContain('FORGED');
    expect(existsSync(join(web.work, 'out'))).toBe(false);
    expect(objects()).toEqual(before);
  });

  it('is refused where the pin is only remembered', async () => {
    rmSync(join(web.work, 'strongroom.yaml'));
    const ran = await web.run([...restore, '--location', vault], opens);
    expect([ran.code, ran.failure().code]).toEqual([13, 'foreign-vault']);
  });

  it('is not opened by an age identity alone on a machine that knows nothing, and gets no backup', async () => {
    const fresh = machine('fresh');
    const ran = await fresh.run([...restore, '--location', vault], opens);
    expect([ran.code, ran.failure().code]).toEqual([12, 'not-trusted']);
    expect(ran.failure().hint).toMatch(/SHA256:.*strongroom trust/);
    expect(existsSync(join(fresh.work, 'out'))).toBe(false);
    // At a terminal too, only what is typed there counts: not --yes.
    const steps = JSON.stringify([['[y/N] ', 'n\n']]);
    for (const args of [['show', 'latest'], ['trust']]) {
      const asked = await fresh.run([...args, '--yes', '--location', vault], {
        ...opens,
        under: ['python3', join(import.meta.dirname, '../cli/person.py'), steps],
      });
      const { code, shown } = JSON.parse(asked.stdout);
      expect([code, shown]).toEqual([12, expect.stringContaining('nothing vouches for the vault')]);
    }
    expect(existsSync(join(fresh.state, 'known-vaults.json'))).toBe(false);
    fresh.write('.env', 'SECRET=1\n');
    const before = objects();
    expect((await fresh.run(['backup', '.', '--location', vault])).code).toBe(2);
    expect(objects()).toEqual(before);
  });
});
