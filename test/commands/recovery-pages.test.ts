import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Context } from '../../src/commands/context.ts';
import { printKit } from '../../src/commands/recovery/pages.ts';
import { StoreError } from '../../src/errors.ts';
import { newRecipientKey } from '../../src/keys/recipient.ts';
import { readPieces } from '../../src/kit/read.ts';
import { wholeShare } from '../../src/kit/shamir.ts';
import type { Store } from '../../src/store/store.ts';
import { pinOf } from '../../src/vault/pin.ts';
import { makeVault, openUnlocked, scratch, type TestVault } from '../support/vault.ts';
import { makeKit, pieces, prove } from '../vault/recovery/kits.ts';
import { denied, watched } from '../vault/stores.ts';

/** Prints a kit over a store, and what came of it. */
async function print(vault: TestVault, store: Store, path: string, replace = true) {
  const warned: string[] = [];
  const context = {
    world: async () => ({
      hostName: 'web-1',
      methods: { newRecipient: async (name: string, to: string) => newRecipientKey(name, to) },
    }),
    now: () => vault.clock.now,
    warn: (code: string, message: string, details: { hint?: string }) =>
      void warned.push(`${code}: ${message}; ${details.hint}`),
  };
  const printing = printKit({ ...(await openUnlocked(vault)), store }, context as unknown as Context, {
    name: 'kit',
    replace,
    paths: [path],
    directory: join(path, '..'),
    isWhole: true,
    async shares({ vault: { document }, identity }) {
      const { generation, authority: fingerprint } = pinOf(document);
      return [await wholeShare(identity, { generation, fingerprint })];
    },
  });
  const code = await printing.then(
    () => 'printed',
    (error: { code: string }) => error.code,
  );
  return { code, warned };
}

const opens = (vault: TestVault, path: string) =>
  prove(vault, readPieces(readFileSync(path, 'utf8'), 'the page')).then(
    () => true,
    (error: { code: string }) => error.code,
  );

it('a page is on the disk before the vault is told of its key', async () => {
  const vault = await makeVault();
  const path = join(scratch(), 'kit.html');
  const seen: string[] = [];
  const store = watched(vault.store, ({ verb, name }) => {
    if (verb === 'create') seen.push(`${name.replace(/-.*/, '')} ${existsSync(path)}`);
  });
  expect(await print(vault, store, path, false)).toEqual({ code: 'printed', warned: [] });
  expect(seen).toEqual(['keys/1/kit true', 'vault/2.json true']);
  expect(await opens(vault, path)).toBe(true);
});

it('a page whose key did not come into the vault is taken back, and the old kit opens', async () => {
  const vault = await makeVault();
  const old = await makeKit(await openUnlocked(vault));
  const path = join(scratch(), 'kit.html');
  const store = watched(vault.store, ({ verb, name }) => {
    if (verb === 'create' && name.startsWith('vault/')) throw denied('write vault/');
  });
  expect(await print(vault, store, path)).toEqual({ code: 'store-denied', warned: [] });
  expect(existsSync(path)).toBe(false);
  expect((await prove(vault, pieces(old.whole))).vault.openedBy).toBe('kit');
});

it('a page whose key may be in the vault is kept, and that is said', async () => {
  const vault = await makeVault();
  await makeKit(await openUnlocked(vault));
  const path = join(scratch(), 'kit.html');
  const store = watched(
    vault.store,
    () => {},
    ({ name }) => {
      if (name.startsWith('vault/')) throw new StoreError('store-unreachable', 'the reply was lost');
    },
  );
  expect(await print(vault, store, path)).toEqual({
    code: 'store-unreachable',
    warned: [
      `pages-kept: whether these pages open the vault is not known: ${path}; keep them and the old pages until \`strongroom recovery test\` has told`,
    ],
  });
  expect(await opens(vault, path)).toBe(true);
});

it('a page that was written for a vault that others changed meanwhile names what is there', async () => {
  const vault = await makeVault();
  const path = join(scratch(), 'kit.html');
  let isFirst = true;
  const store = watched(vault.store, async ({ verb, name }) => {
    if (verb !== 'create' || !name.startsWith('vault/') || !isFirst) return;
    isFirst = false;
    await makeKit(await openUnlocked(vault), 'spare');
  });
  expect((await print(vault, store, path, false)).code).toBe('printed');
  const [, object = ''] = /<code>(keys\/\S+?)<\/code>/.exec(readFileSync(path, 'utf8'))!;
  expect(await vault.store.get(object)).not.toBeNull();
  expect(await opens(vault, path)).toBe(true);
});
