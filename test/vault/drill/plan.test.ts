// Which snapshots a drill restores, and what it leaves out where there is no room.
import { describe, expect, it } from 'vitest';
import { planDrill, withoutLargest } from '../../../src/vault/drill/plan.ts';
import { keeper } from '../../support/hosts.ts';
import { makeVault } from '../../support/vault.ts';

const shown = ({ targets }: Awaited<ReturnType<typeof planDrill>>) =>
  targets.map(({ set, host, snapshot, failure }) => [set, host, snapshot?.id, failure?.code]);

describe('a plan', () => {
  it('has the newest complete snapshot of each set and host, and sets without any', async () => {
    const vault = await makeVault();
    const host = vault.host.name;
    const first = await vault.backup({ a: 'x' }, { set: 'app' });
    const second = await vault.backup({ a: 'y'.repeat(5000) }, { set: 'app' });
    const other = await vault.backup({ b: 'z' }, { set: 'db' });
    const opened = await keeper(vault);
    const plan = await planDrill(opened, { sets: ['app', 'none'] });
    expect(shown(plan)).toEqual([
      ['app', host, second.snapshot, undefined],
      ['db', host, other.snapshot, undefined],
      ['none', '', undefined, 'no-snapshot'],
    ]);
    expect(plan.bytes).toBeGreaterThan(5000);
    expect(shown(await planDrill(opened, { set: 'db' }))).toHaveLength(1);
    expect(shown(await planDrill(opened, { host: 'nobody' }))).toEqual([]);
    const older = await planDrill(opened, { set: 'app', older: true });
    expect(older.targets[0]).toMatchObject({
      isOlder: true,
      snapshot: { id: first.snapshot },
      newest: { id: second.snapshot },
    });
    expect(shown(await planDrill(opened, { set: 'db', older: true }))).toEqual([
      ['db', host, other.snapshot, undefined],
    ]);
  });

  it('leaves out the largest where there is no room, and says which', async () => {
    const vault = await makeVault();
    await vault.backup({ a: 'x' }, { set: 'app' });
    await vault.backup({ b: 'z'.repeat(3_000_000) }, { set: 'data' });
    const plan = await planDrill(await keeper(vault));
    const smaller = withoutLargest(plan)!;
    expect(shown(smaller).map(([set, , , code]) => [set, code])).toEqual([
      ['app', undefined],
      ['data', 'disk-full'],
    ]);
    expect(smaller.targets[1]!.failure!.message).toMatch(/^it comes to 3 MiB in 1 entries/);
    expect(smaller.bytes).toBeLessThan(1000);
    const none = withoutLargest(smaller)!;
    expect(none.bytes).toBe(0);
    expect(withoutLargest(none)).toBeUndefined();
  });
});
