import { expect, it } from 'vitest';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import { readLedger } from '../../src/vault/ledger.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { flipped, get, namesOf, put } from '../support/forge.ts';
import { briefly } from '../support/refusals.ts';
import { makeVault, openLocked } from '../support/vault.ts';

it('a ledger removes what its entries say, and only that very record', async () => {
  const vault = await makeVault();
  for (const n of [1, 2]) await vault.backup({ n });
  const open = await openLocked(vault);
  expect(await readLedger(open)).toMatchObject({ entries: [], findings: [] });
  const [first, second] = (await readSnapshots(open)).snapshots;
  await applyDelete(open, planDelete([first!]), vault.host);
  const ledger = await readLedger(open);
  expect(ledger.entries).toHaveLength(1);
  expect(ledger.removes('app', first!.id, first!.sha256)).toBe(true);
  expect(ledger.removes('db', first!.id, first!.sha256)).toBe(false);
  expect(ledger.removes('app', first!.id, second!.sha256)).toBe(false);
  expect(ledger.removes('app', second!.id, second!.sha256)).toBe(false);
});

it('an entry that does not count is a finding, and removes nothing', async () => {
  const vault = await makeVault();
  await vault.backup({ n: 1 });
  const open = await openLocked(vault);
  const [snapshot] = (await readSnapshots(open)).snapshots;
  await applyDelete(open, planDelete([snapshot!]), vault.host);
  const [name] = await namesOf(vault.store, 'ledger/');
  await put(vault.store, name!, flipped(await get(vault.store, name!), 20));
  const ledger = await readLedger(open);
  expect(briefly(ledger.findings)).toEqual([`bad-signature ${name}`]);
  expect(ledger.removes('app', snapshot!.id, snapshot!.sha256)).toBe(false);
});
