// A backup over a network with a configured pin, which looks at nothing: what it says, and what it must not spoil.
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { backup } from '../../../src/vault/backup/backup.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { namesOf } from '../../support/forge.ts';
import { makeVault, openLocked, tick } from '../../support/vault.ts';
import { watched } from '../stores.ts';

/** A store that says that it is far away. */
function remote(store: Store, location = 'memory:far'): Store {
  return Object.assign(store, { location, remote: true });
}

async function ground() {
  const vault = await makeVault();
  const context = { store: remote(vault.store), memory: vault.memory, now: () => vault.clock.now };
  const run = (store = context.store) => {
    tick(vault.clock);
    const sources = { memory: { '.env': String(vault.clock.now) } };
    return backup({ ...context, store }, { set: 'app', sources, host: vault.host, pin: vault.pin });
  };
  const findings = async () =>
    (await readSnapshots(await openLocked(vault, { memory: vault.memory }))).findings.map((f) => f.code);
  return { vault, run, findings };
}

describe('a backup that looks at nothing', () => {
  it('only creates', async () => {
    const { vault, run } = await ground();
    const verbs = new Set<string>();
    await run(remote(watched(vault.store, ({ verb }) => void verbs.add(verb))));
    expect([...verbs]).toEqual(['create']);
  });

  it('says so once for each place, as nobody else will', async () => {
    const { run } = await ground();
    const first = await run();
    expect(first).toMatchObject({ complete: true, vaultRead: false });
    expect(first.problems).toEqual([
      {
        kind: 'unseen',
        path: 'memory:far',
        reason: expect.stringMatching(/first backup of the set app from here to memory:far/),
        incomplete: false,
        hint: expect.stringContaining('`strongroom verify`'),
      },
    ]);
    expect((await run()).problems).toEqual([]);
  });

  it('that went to a mistyped place is not missed at the right one, by this machine or any other', async () => {
    const { run, findings } = await ground();
    await run();
    const typo = remote(memoryStore(), 'memory:typo');
    const astray = await run(typo);
    expect(astray.problems.map((p) => [p.kind, p.path])).toEqual([['unseen', 'memory:typo']]);
    expect(await namesOf(typo, 'snapshots/')).toHaveLength(1);
    expect(await findings()).toEqual([]);
    await run();
    expect(await findings()).toEqual([]);
  });
});
