import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyRestore } from '../../../src/vault/restore/apply.ts';
import { dropUndo, findUndo, keepUndo } from '../../../src/vault/restore/undo.ts';
import { namesOf, put } from '../../support/forge.ts';
import { makeVault, openUnlocked, tick, treeOf } from '../../support/vault.ts';
import { type Scene, scene, write } from './scene.ts';

let on: Scene;
beforeEach(async () => {
  on = await scene();
});

const read = (path: string) => readFileSync(path, 'utf8');

describe('undoing a restore', () => {
  it('puts back what it replaced, with mode and link', async () => {
    const out = join(on.base, 'out');
    write(join(out, '.env'), 'MINE=1\n', 0o640);
    mkdirSync(join(out, 'certs'));
    symlinkSync('../.env', join(out, 'certs/site.pem'));
    const before = treeOf(out);
    await on.restore({ existing: 'replace' });
    expect(treeOf(out)).toMatchObject({ '.env': '600:TOKEN=1\n', 'certs/site.pem': '600:PEM' });
    await on.undo(out);
    const after = treeOf(out);
    expect(after).toMatchObject({ '.env': before['.env']!, 'certs/site.pem': '-> ../.env' });
    // What the restore added stays: nothing was lost by it.
    expect(after['certs/old/site.pem']).toBe('600:OLD PEM');
  });

  it('in place reaches outside of the root, as the restore did', async () => {
    writeFileSync(join(on.root, '.env'), 'MINE=1\n');
    writeFileSync(join(on.outside, 'shared.key'), 'MY KEY');
    chmodSync(join(on.outside, 'shared.key'), 0o440);
    await on.restore({ destination: { root: on.root, outside: '/' }, existing: 'replace' });
    expect(read(join(on.outside, 'shared.key'))).toBe('KEY');
    await on.undo(on.root);
    expect(read(join(on.root, '.env'))).toBe('MINE=1\n');
    expect(read(join(on.outside, 'shared.key'))).toBe('MY KEY');
    expect(statSync(join(on.outside, 'shared.key')).mode & 0o777).toBe(0o440);
  });

  it('into a target that is not its own place stays in there', async () => {
    const inside = join(on.base, `out/@outside${on.outside}/shared.key`);
    write(inside, 'NOT YOURS');
    await on.restore({ existing: 'replace' });
    expect(read(inside)).toBe('KEY');
    await on.undo(join(on.base, 'out'));
    expect(read(inside)).toBe('NOT YOURS');
    expect(read(join(on.outside, 'shared.key'))).toBe('KEY');
  });

  it('can be undone itself, as often as one likes', async () => {
    const env = join(on.base, 'out/.env');
    write(env, 'MINE=1\n');
    await on.restore({ existing: 'replace' });
    for (const expected of ['MINE=1\n', 'TOKEN=1\n', 'MINE=1\n']) {
      await on.undo(join(on.base, 'out'));
      expect(read(env)).toBe(expected);
    }
    expect(await namesOf(on.undoStore, 'snapshots/')).toHaveLength(1);
  });

  it('takes back the last one first, and then the one before', async () => {
    const env = join(on.base, 'out/.env');
    write(env, 'FIRST=1\n');
    await on.restore({ existing: 'replace' });
    writeFileSync(env, 'SECOND=1\n');
    await on.restore({ existing: 'replace' });
    const copies = await namesOf(on.undoStore, 'snapshots/');
    const newest = await findUndo(on.open, on.undoStore, join(on.base, 'out'));
    expect(copies).toHaveLength(2);
    expect(newest.snapshot.object).toBe(copies[1]);
    await on.undo(join(on.base, 'out'));
    expect(read(env)).toBe('SECOND=1\n');
  });

  it('finds a target by any way to it', async () => {
    write(join(on.base, 'out/.env'), 'MINE=1\n');
    symlinkSync('out', join(on.base, 'link'));
    await on.restore({ existing: 'replace', destination: { root: join(on.base, 'link') } });
    for (const way of ['link', 'out', 'out/../out/']) {
      expect(await findUndo(on.open, on.undoStore, join(on.base, way))).toMatchObject({
        destination: { root: join(on.base, 'out') },
      });
    }
  });

  it('of another target, or of nothing, is not there', async () => {
    write(join(on.base, 'out/.env'), 'MINE=1\n');
    await on.restore({ existing: 'replace' });
    await expect(findUndo(on.open, on.undoStore, on.root)).rejects.toMatchObject({
      code: 'no-undo',
      exitCode: 10,
      message: `no restore into ${on.root} replaced anything that was kept`,
      hint: expect.stringContaining('--existing replace'),
    });
  });
});

describe('undo copies', () => {
  const keep = async (content: string) => {
    tick(on.vault.clock);
    writeFileSync(join(on.base, 'out/.env'), content);
    const plan = await on.plan({ existing: 'replace' });
    return await keepUndo(on.open, plan.placement, plan.options.destination, on.undoStore);
  };
  beforeEach(() => write(join(on.base, 'out/.env'), ''));

  it('are the ten newest; older ones go with all that they hold', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 13; i++) ids.push((await keep(`N=${i}\n`))!.id);
    expect(await namesOf(on.undoStore, 'snapshots/')).toEqual(
      ids.slice(3).map((id) => `snapshots/undo/${id}.json`),
    );
    expect(await namesOf(on.undoStore, 'data/')).toHaveLength(20);
    expect(ids.toSorted()).toEqual(ids);
  });

  it('that nothing is replaced for are none', async () => {
    const plan = await on.plan({ destination: { root: join(on.base, 'new') } });
    expect(await keepUndo(on.open, plan.placement, plan.options.destination, on.undoStore)).toBeUndefined();
    expect(await namesOf(on.undoStore)).toEqual([]);
  });

  it('that somebody planted or damaged are none, and stop nobody', async () => {
    const first = (await keep('N=1\n'))!;
    const record = (await on.undoStore.get(first.object))!;
    await put(on.undoStore, 'snapshots/undo/20991231T000000Z-000000.json', record);
    await put(on.undoStore, 'snapshots/undo/20991231T000000Z-000001.json', 'garbage');
    const other = await makeVault();
    tick(other.clock);
    await put(
      on.undoStore,
      'snapshots/undo/20991231T000000Z-000002.json',
      (await other.store.get('vault/1.json'))!,
    );
    expect(await findUndo(on.open, on.undoStore, join(on.base, 'out'))).toMatchObject({
      snapshot: { id: first.id },
    });
    const second = (await keep('N=2\n'))!;
    expect(await findUndo(on.open, on.undoStore, join(on.base, 'out'))).toMatchObject({
      snapshot: { id: second.id },
    });
  });

  it('of another vault are not ours, though they stand beside', async () => {
    await keep('N=1\n');
    const other = await openUnlocked(await makeVault());
    await expect(findUndo(other, on.undoStore, join(on.base, 'out'))).rejects.toMatchObject({
      code: 'no-undo',
    });
  });

  it('that are dropped are gone with their data', async () => {
    const kept = (await keep('N=1\n'))!;
    await dropUndo(on.undoStore, kept);
    expect(await namesOf(on.undoStore)).toEqual([]);
  });

  it('that cannot be kept keep a restore from replacing anything', async () => {
    const plan = await on.plan({ existing: 'replace' });
    rmSync(join(on.base, 'out/.env'));
    mkdirSync(join(on.base, 'out/.env'));
    await expect(applyRestore(on.open, plan)).rejects.toMatchObject({ exitCode: 11 });
  });
});
