import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import { bundleStores, canMount, runNode, temporaryDirectory } from './directory.ts';

let bundle: string;
beforeAll(() => {
  bundle = bundleStores();
});

// Does something in the place of a vault just before the store does `call` for the first time.
const meddle = (call: string, meddling: string, act: string) => `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const [bundle, root, outside] = process.argv.slice(1);
  const real = fs.${call};
  let calls = 0;
  fs.${call} = (...args) => {
    if (calls++ === 0) {
      ${meddling}
    }
    return real(...args);
  };
  syncBuiltinESMExports();
  const { openStore } = await import(bundle);
  const store = await openStore(root);
  ${act}
  fs.writeSync(1, String(calls));`;

const swap = `fs.renameSync(root + '/data/app', root + '/data/app-was');
      fs.symlinkSync(outside, root + '/data/app');`;

describe.skipIf(process.platform !== 'linux')(
  'a directory that is swapped for a link at the last moment',
  () => {
    async function prepared(): Promise<{ root: string; outside: string }> {
      const above = temporaryDirectory();
      const outside = join(above, 'outside');
      mkdirSync(outside);
      writeFileSync(join(outside, 'passwd'), 'not yours');
      const root = join(above, 'vault');
      await (await openStore(root, { create: true })).create('data/app/passwd', Buffer.from('planted'));
      return { root, outside };
    }

    it('does not lead a removal outside', async () => {
      const { root, outside } = await prepared();
      // It may notice afterwards, and then says so.
      const act = `await store.remove(['data/app/passwd']).catch((error) => {
      if (error.code !== 'not-an-object') throw error;
    });`;
      const ended = await runNode(meddle('unlinkSync', swap, act), [bundle, root, outside]);
      expect(ended).toMatchObject({ stdout: '1', stderr: '' });
      expect(readFileSync(join(outside, 'passwd'), 'utf8')).toBe('not yours');
      expect(readdirSync(join(root, 'data/app-was'))).toEqual([]);
    });

    it('does not lead a new object outside', async () => {
      const { root, outside } = await prepared();
      const act = `await store.create('data/app/1', Buffer.from('one'));`;
      const ended = await runNode(meddle('linkSync', swap, act), [bundle, root, outside]);
      expect(ended).toMatchObject({ stdout: '1', stderr: '' });
      expect(readdirSync(outside)).toEqual(['passwd']);
      expect(readdirSync(join(root, 'data/app-was')).sort()).toEqual(['1', 'passwd']);
    });
  },
);

it('a directory that is removed, being empty, at the last moment is made again', async () => {
  const root = join(temporaryDirectory(), 'vault');
  const store = await openStore(root, { create: true });
  await store.create('vault/1.json', Buffer.from('v'));
  const remove = `fs.rmdirSync(root + '/data/app'); fs.rmdirSync(root + '/data');`;
  const act = `await store.create('data/app/1', Buffer.from('one'));`;
  const ended = await runNode(meddle('linkSync', remove, act), [bundle, root]);
  expect(ended).toMatchObject({ stdout: '2', stderr: '' });
  expect(await store.get('data/app/1')).toEqual(Buffer.from('one'));
});

it.skipIf(!canMount)('a store works, and follows no link, where there is no /proc', async () => {
  const above = temporaryDirectory();
  const ended = await runNode(
    `import fs from 'node:fs';
     const [bundle, root] = process.argv.slice(1);
     if (fs.existsSync('/proc/self')) throw new Error('/proc is there');
     const { openStore } = await import(bundle);
     const store = await openStore(root, { create: true });
     const said = [await store.create('data/app/1', Buffer.from('one')), await store.create('data/app/1', Buffer.from('x'))];
     fs.symlinkSync('/etc', root + '/data/etc');
     for (const call of [() => store.remove(['data/etc/passwd']), () => store.create('data/etc/x', Buffer.from('x'))]) {
       await call().catch((error) => said.push(error.code));
     }
     said.push(String(await store.get('data/app/1')));
     await store.remove(['data/app/1', 'data/etc']);
     said.push(fs.readdirSync(root).join());
     console.log(said.join(' '));`,
    [bundle, join(above, 'vault')],
    { wrapper: ['unshare', '--mount', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'] },
  );
  expect(ended).toMatchObject({ stderr: '', stdout: 'created exists not-an-object not-an-object one tmp\n' });
});
