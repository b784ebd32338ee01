import { existsSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/pack/entry.ts';
import { askedBy, heldToSet } from '../../../src/vault/restore/outside.ts';
import { readSnapshots, type Snapshot } from '../../../src/vault/snapshots.ts';
import { dirEntry, fileEntry, forge, linkEntry } from '../../support/forge.ts';
import { openUnlocked, scratch } from '../../support/vault.ts';
import { scene } from './scene.ts';

const asked = (include: string[], path: string, exclude: string[] = [], root = '/srv/app') =>
  askedBy({ root, include, exclude }, (directory) => directory)(path);

describe('a set asks for', () => {
  it.each<[string, string[]]>([
    ['/etc/shop.conf', ['/etc/shop.conf']],
    ['/etc/shop/a/b.conf', ['/etc/shop']],
    ['/etc/shop/a/b.conf', ['/etc/shop/']],
    ['/etc/shop', ['/etc/shop']],
    ['/secure/tls.pem', ['.env', '/secure/*.pem']],
    ['/secure/old/2025/tls.pem', ['/secure/**/*.pem']],
    ['/secure/tls.pem', ['/secure/**/*.pem']],
    ['/secure/live/inner/tls.pem', ['/secure/li*']],
    ['/secure/b.pem', ['/secure/{a,b}.pem']],
    ['/secure/b/c.pem', ['/secure/{a,b}']],
    ['/srv/shared.key', ['../shared.key']],
    ['/srv/shared/a.key', ['../shared/*.key']],
    ['/srv/app/x', []],
    ['/srv/app/x', ['.']],
    ['/secure/we[i]rd', ['/secure/we[i]rd']],
    ['/secure/star*', ['/secure/star\\*']],
    ['/etc/passwd', ['/']],
    ['/etc/passwd', ['/**']],
  ])('%s with %j', (path, include) => {
    expect(asked(include, path)).toBe(true);
  });

  it.each<[string, string[], string[]]>([
    ['/etc/cron.d/evil', ['.'], []],
    ['/etc/cron.d/evil', [], []],
    ['/etc/cron.d/evil', ['.env', '/etc/shop.conf'], []],
    ['/etc/shop.conf.d/evil', ['/etc/shop.conf'], []],
    ['/etc', ['/etc/shop.conf'], []],
    ['/', ['/etc/shop.conf'], []],
    ['/secure', ['/secure/*.pem'], []],
    ['/secure/tls.key', ['/secure/*.pem'], []],
    ['/secure/sub/tls.pem', ['/secure/*.pem'], []],
    ['/securely/tls.pem', ['/secure/**'], []],
    ['/srv/app2/x', ['.'], []],
    ['/srv/appx', ['**'], []],
    ['/srv/.ssh/authorized_keys', ['../shared.key'], []],
    ['/secure/starred', ['/secure/star\\*'], []],
    ['/etc/shop/old/a', ['/etc/shop'], ['/etc/shop/old']],
    ['/etc/shop/a.log', ['/etc/shop'], ['/etc/shop/**/*.log']],
    ['/etc/shop/a', ['/etc/shop'], ['../../etc/shop']],
  ])('nothing like %s with %j without %j', (path, include, exclude) => {
    expect(asked(include, path, exclude)).toBe(false);
  });

  it('what lies behind a link on the way, by either name, and the link itself by its own', () => {
    const real = (path: string) =>
      path.replace(/^\/var\/run(?=\/|$)/, '/run').replace(/^\/srv\/app$/, '/data/app');
    const include = ['/var/run/shop/*.key', '/var/run/one', '../shared.key'];
    const isAsked = askedBy({ root: '/srv/app', include, exclude: [] }, real);
    for (const path of ['/run/shop/a.key', '/var/run/shop/a.key', '/run/one', '/data/shared.key'])
      expect(isAsked(path), path).toBe(true);
    for (const path of ['/run/other', '/data/other.key', '/run']) expect(isAsked(path), path).toBe(false);
    const link = askedBy({ root: '/srv/app', include: ['/var/run'], exclude: [] }, real);
    expect([link('/var/run'), link('/run')]).toEqual([true, false]);
  });

  it('what is behind a link of this machine', () => {
    const base = scratch();
    mkdirSync(join(base, 'real'));
    symlinkSync('real', join(base, 'link'));
    const isAsked = askedBy({ root: join(base, 'app'), include: [join(base, 'link/*.key')], exclude: [] });
    expect(isAsked(join(base, 'real/a.key'))).toBe(true);
    expect(isAsked(join(base, 'real/a.txt'))).toBe(false);
  });
});

describe('the entries of an in-place restore', () => {
  const snapshot = { id: 'ID', set: 'app', host: 'web-1' } as Snapshot;
  const held = (entries: Entry[], include: string[], root = '/srv/app') =>
    heldToSet(entries, { root, snapshot, asked: askedBy({ root, include, exclude: [] }) }).map((e) => e.path);

  it('inside the root are none of this', () => {
    expect(held([fileEntry('.env', ''), fileEntry('@outsider/x', '')], ['nothing'])).toEqual([
      '.env',
      '@outsider/x',
    ]);
  });

  it('leave out the directories on the way that exist, for their mode and owner are not the set’s', () => {
    const base = scratch();
    const entries = [
      dirEntry('@outside'),
      dirEntry(`@outside${base}`),
      dirEntry(`@outside${base}/new`),
      fileEntry(`@outside${base}/new/a.key`, ''),
    ];
    expect(held(entries, [`${base}/new/*.key`])).toEqual([
      `@outside${base}/new`,
      `@outside${base}/new/a.key`,
    ]);
    expect(held(entries, [base])).toEqual(entries.slice(1).map((e) => e.path));
  });

  it.each<[string, Entry[], string]>([
    ['a file', [dirEntry('@outside/etc'), fileEntry('@outside/etc/evil', '')], '/etc/evil'],
    ['an empty directory', [dirEntry('@outside/etc'), dirEntry('@outside/etc/evil')], '/etc/evil'],
    ['a link', [linkEntry('@outside/evil', '/')], '/evil'],
    ['a link in place of everything', [linkEntry('@outside', '/')], '/'],
    ['what would be hidden from a terminal', [fileEntry('@outside/\u001b[2J', '')], '/\\x1b[2J'],
  ])('that nobody asked for are refused by name: %s', (_, entries, name) => {
    expect(() => held([fileEntry('.env', ''), ...entries], ['.env', '/etc/shop.conf'])).toThrow(
      expect.objectContaining({
        code: 'outside-the-set',
        exitCode: 13,
        object: 'ID',
        message: `ID would write outside of the set app as it is configured here: ${name}`,
        hint: expect.stringContaining('--target'),
      }),
    );
  });

  it('are named up to the tenth', () => {
    const entries = Array.from({ length: 12 }, (_, i) => fileEntry(`@outside/etc/${i}`, ''));
    expect(() => held(entries, ['.'])).toThrow(/: \/etc\/0, .*\/etc\/9 and 2 more$/);
  });

  it('of a set whose root is / are held to its patterns too, as it has no outside', () => {
    const entries = [dirEntry('etc'), fileEntry('etc/shop.conf', ''), fileEntry('etc/evil', '')];
    expect(() => held(entries, ['etc/shop.conf'], '/')).toThrow(/: \/etc\/evil$/);
    expect(held(entries.slice(0, 2), ['etc/shop.conf'], '/')).toEqual(['etc/shop.conf']);
    expect(held(entries, [], '/')).toEqual(['etc', 'etc/shop.conf', 'etc/evil']);
  });
});

describe('a listed host that signs what lies elsewhere', () => {
  it('gets nothing written there, and no directory of this machine opened', async () => {
    const on = await scene();
    const victim = join(on.base, 'cron.d/evil');
    const destination = { root: on.root, outside: '/' };
    await forge(on.vault, {
      id: '20261120T055912Z-zzzzzy',
      entries: [fileEntry('.env', 'X'), fileEntry(`@outside${victim}`, 'X')],
      files: { '.env': 'X', [`@outside${victim}`]: 'X' },
    });
    for (const more of [{ destination }, { destination, asked: undefined! }]) {
      await expect(on.restore({ ...more, existing: 'replace' })).rejects.toMatchObject({
        code: 'outside-the-set',
        message: expect.stringContaining(victim),
      });
    }
    expect(existsSync(join(on.base, 'cron.d'))).toBe(false);

    const key = join(on.outside, 'shared.key');
    const open = { ...dirEntry(`@outside${on.outside}`), mode: 0o777 };
    await forge(on.vault, {
      id: '20261120T055912Z-zzzzzz',
      entries: [open, fileEntry(`@outside${key}`, 'KEY')],
      files: { [`@outside${key}`]: 'KEY' },
      contents: () => ({ restore: { modes: { '**/': '0777' } } }),
    });
    const vault = await openUnlocked(on.vault);
    expect((await readSnapshots(vault)).snapshots.at(-1)!.id).toBe('20261120T055912Z-zzzzzz');
    await on.restore({ destination, existing: 'replace', asRecorded: true });
    expect(statSync(on.outside).mode & 0o777).toBe(0o700);
  });
});
