import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import { bundleStores, canMount, runNode, temporaryDirectory } from './directory.ts';

let bundle: string;
beforeAll(() => {
  bundle = bundleStores();
});

// Just before the store does `call`, somebody swaps data/app for a link to the directory outside.
const swapBefore = (call: string, act: string) => `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const [bundle, root, outside] = process.argv.slice(1);
  const real = fs.${call};
  let swapped = 0;
  fs.${call} = (...args) => {
    if (swapped++ === 0) {
      fs.renameSync(root + '/data/app', root + '/data/app-was');
      fs.symlinkSync(outside, root + '/data/app');
    }
    return real(...args);
  };
  syncBuiltinESMExports();
  const { openStore } = await import(bundle);
  const store = await openStore(root);
  ${act}
  fs.writeSync(1, swapped > 0 ? 'swapped' : 'not swapped');`;

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
      const act = `await store.remove(['data/app/passwd']);`;
      const ended = await runNode(swapBefore('unlinkSync', act), [bundle, root, outside]);
      expect(ended).toMatchObject({ stdout: 'swapped', stderr: '' });
      expect(readFileSync(join(outside, 'passwd'), 'utf8')).toBe('not yours');
      expect(readdirSync(join(root, 'data/app-was'))).toEqual([]);
    });

    it('does not lead a new object outside', async () => {
      const { root, outside } = await prepared();
      const act = `await store.create('data/app/1', Buffer.from('one'));`;
      const ended = await runNode(swapBefore('linkSync', act), [bundle, root, outside]);
      expect(ended).toMatchObject({ stdout: 'swapped', stderr: '' });
      expect(readdirSync(outside)).toEqual(['passwd']);
      expect(readdirSync(join(root, 'data/app-was')).sort()).toEqual(['1', 'passwd']);
    });
  },
);

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
