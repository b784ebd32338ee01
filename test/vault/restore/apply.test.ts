import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyRestore } from '../../../src/vault/restore/apply.ts';
import { flipped, get, namesOf, put } from '../../support/forge.ts';
import { treeOf } from '../../support/vault.ts';
import { type Scene, scene, write } from './scene.ts';

let on: Scene;
beforeEach(async () => {
  on = await scene();
});

const inPlace = (on: Scene) => ({ destination: { root: on.root, outside: '/' } });
/** Everything below the base but state: a target, and nothing beside it. */
const targets = () =>
  Object.fromEntries(Object.entries(treeOf(on.base)).filter(([path]) => !/^(?:\.$|state)/.test(path)));

describe('a restore', () => {
  it('into a new target is for its owner only, whatever the modes were', async () => {
    const result = await on.restore();
    expect(result).toMatchObject({
      root: join(on.base, 'out'),
      set: 'app',
      files: 4,
      bytes: 21,
      undo: undefined,
      warnings: [],
    });
    expect(result.narrower).toBeGreaterThan(0);
    const key = `out/@outside${on.outside}/shared.key`;
    expect(targets()).toMatchObject({
      out: '700/',
      'out/.env': '600:TOKEN=1\n',
      'out/certs': '700/',
      'out/certs/site.pem': '600:PEM',
      'out/certs/old/site.pem': '600:OLD PEM',
      [key]: '600:KEY',
    });
  });

  it('with recorded modes when that is asked for', async () => {
    await on.restore({ asRecorded: true });
    expect(targets()).toMatchObject({ 'out/certs/site.pem': '640:PEM' });
  });

  it('in place puts back what changed and what is gone, outside of the root too', async () => {
    writeFileSync(join(on.root, '.env'), 'TOKEN=2\n');
    rmSync(join(on.root, 'certs'), { recursive: true });
    rmSync(join(on.outside, 'shared.key'));
    const result = await on.restore({ ...inPlace(on), existing: 'replace' });
    expect(result).toMatchObject({
      counts: { replace: 1, conflict: 0 },
      files: 4,
      undo: expect.stringMatching(/^\d{8}T/),
    });
    expect(treeOf(on.root)).toMatchObject({ '.env': '600:TOKEN=1\n', 'certs/site.pem': '600:PEM' });
    expect(readFileSync(join(on.outside, 'shared.key'), 'utf8')).toBe('KEY');
  });

  it('of one path takes only that', async () => {
    await on.restore({ paths: ['certs/site.pem'] });
    expect(Object.keys(targets())).toEqual(['out', 'out/certs', 'out/certs/site.pem']);
  });

  it('counts what it placed as it goes', async () => {
    const seen: { files: number; bytes: number }[] = [];
    await applyRestore(on.open, await on.plan(), (done) => seen.push({ ...done }));
    expect(seen.at(-1)).toEqual({ files: 4, bytes: 21 });
  });

  it('over what is the same changes nothing, and keeps nothing', async () => {
    await on.restore();
    const again = await on.restore({ existing: 'replace' });
    expect(again).toMatchObject({ files: 0, bytes: 0, undo: undefined });
    expect(await namesOf(on.undoStore)).toEqual([]);
  });
});

describe('what is replaced is kept first,', () => {
  it('encrypted, and signed by nobody else than who can open the vault', async () => {
    write(join(on.base, 'out/.env'), 'PRECIOUS=1\n');
    const { undo } = await on.restore({ existing: 'replace' });
    const names = await namesOf(on.undoStore);
    expect(names).toHaveLength(3);
    expect(names).toContain(`snapshots/undo/${undo}.json`);
    for (const name of names)
      expect((await get(on.undoStore, name)).toString('latin1')).not.toContain('PRECIOUS');
  });

  it('and not kept when the restore comes to nothing: it would hide the copy that --undo should find', async () => {
    write(join(on.base, 'out/.env'), 'PRECIOUS=1\n');
    const before = treeOf(on.base);
    const part = (await on.snapshot()).artifacts[0]!.parts[0]!.object;
    await put(on.vault.store, part, flipped(await get(on.vault.store, part), 300));
    const plan = await on.plan({ existing: 'replace' });
    await expect(applyRestore(on.open, plan)).rejects.toMatchObject({ code: 'part-differs', exitCode: 13 });
    expect(await namesOf(on.undoStore)).toEqual([]);
    expect(targets()).toEqual(
      Object.fromEntries(Object.entries(before).filter(([path]) => !/^(?:\.$|state)/.test(path))),
    );
  });

  it('but only what is replaced: what is kept as .bak needs no copy', async () => {
    write(join(on.base, 'out/.env'), 'PRECIOUS=1\n');
    const { undo } = await on.restore({ existing: 'bak' });
    expect(undo).toBeUndefined();
    const bak = Object.entries(targets()).find(([path]) => /^out\/\.env\..*bak/.test(path));
    expect(bak?.[1]).toBe('600:PRECIOUS=1\n');
  });

  it('and when it cannot be read, nothing is replaced', async () => {
    if (process.getuid?.() === 0) return;
    write(join(on.base, 'out/.env'), 'PRECIOUS=1\n');
    chmodSync(join(on.base, 'out/.env'), 0);
    await expect(on.restore({ existing: 'replace' })).rejects.toMatchObject({ exitCode: 13 });
  });
});

describe('a restore that is refused changes nothing', () => {
  it('where something else stands', async () => {
    write(join(on.base, 'out/.env'), 'PRECIOUS=1\n');
    const before = targets();
    await expect(on.restore()).rejects.toMatchObject({ code: 'target-exists', exitCode: 11 });
    expect(targets()).toEqual(before);
    expect(await namesOf(on.undoStore)).toEqual([]);
  });

  it('when the target changed after the plan', async () => {
    write(join(on.base, 'out/.env'), 'OLD=1\n');
    const plan = await on.plan({ existing: 'replace' });
    writeFileSync(join(on.base, 'out/.env'), 'NEWER=1\n');
    await expect(applyRestore(on.open, plan)).rejects.toMatchObject({
      code: 'changed-since-plan',
      exitCode: 11,
    });
    expect(targets()['out/.env']).toBe('600:NEWER=1\n');
    expect(await namesOf(on.undoStore)).toEqual([]);
  });

  it('when it is interrupted', async () => {
    const stop = new AbortController();
    const open = { ...on.open, signal: stop.signal };
    const plan = await on.plan();
    await expect(applyRestore(open, plan, () => stop.abort())).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
    });
    expect(targets()).toEqual({});
  });
});
