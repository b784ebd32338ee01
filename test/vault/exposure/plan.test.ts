import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExposurePlan, planExposure } from '../../../src/vault/exposure/plan.ts';
import type { Snapshot } from '../../../src/vault/snapshots.ts';

interface Made {
  readonly set?: string;
  readonly host?: string;
  readonly generation?: number;
  /** Its generation before it was re-encrypted. */
  readonly first?: number;
  readonly complete?: boolean;
}

/** Snapshots a day apart, from the 1st of October on: only what a plan looks at. */
function snapshots(...made: Made[]): Snapshot[] {
  return made.map(({ set = 'app', host = 'web-1', generation = 1, first, complete = true }, i) => {
    const day = String(i + 1).padStart(2, '0');
    const id = `202610${day}T000000Z-aaaaaa`;
    const original =
      first === undefined ? {} : { original: { generation: first, sha256: '', authority: '' } };
    return { set, host, id, time: `2026-10-${day}T00:00:00Z`, generation, complete, ...original } as Snapshot;
  });
}

/** The days of the exposed ones. */
const daysOf = ({ groups }: ExposurePlan): number[] =>
  groups.flatMap((g) => g.exposed.map((s) => Number(s.time.slice(8, 10)))).sort((a, b) => a - b);

const key = (generation: number) =>
  ({ kind: 'key', name: 'k', generation, known: generation, periods: [], missing: [] }) as const;
const on = (day: string) => new Date(`2026-10-${day}T00:00:00Z`);

describe('a key', () => {
  it('opens what was first encrypted to its generation or one before, stragglers and what was re-encrypted since', () => {
    const all = snapshots(
      {},
      { generation: 2 },
      { generation: 3, first: 1 },
      { generation: 3, first: 3 },
      { generation: 3 },
      {},
    );
    expect(daysOf(planExposure(key(1), all))).toEqual([1, 3, 6]);
    expect(daysOf(planExposure(key(2), all))).toEqual([1, 2, 3, 6]);
    expect(daysOf(planExposure({ kind: 'generation', generation: 3 }, all))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(planExposure(key(1), all)).toMatchObject({ of: 6, reencrypted: 1 });
  });

  it('opens never fewer for a newer generation', () => {
    const made = fc.record({
      set: fc.constantFrom('a', 'b'),
      host: fc.constantFrom('x', 'y'),
      generation: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(made, { maxLength: 28 }), fc.integer({ min: 1, max: 4 }), (list, n) => {
        const all = snapshots(...list);
        const fewer = daysOf(planExposure(key(n), all));
        const more = daysOf(planExposure(key(n + 1), all));
        expect(more).toEqual(expect.arrayContaining(fewer));
        expect(fewer).toHaveLength(list.filter((s) => s.generation <= n).length);
      }),
    );
  });
});

describe('a host', () => {
  const all = snapshots({}, { host: 'web-2' }, { set: 'db' }, {}, { host: 'web-2' }, {}, { set: 'db' });

  it('had what its own snapshots hold', () => {
    expect(daysOf(planExposure({ kind: 'host', host: 'web-1' }, all))).toEqual([1, 3, 4, 6, 7]);
  });

  it('had at a time what the last snapshot of each set before holds, and what came later', () => {
    expect(daysOf(planExposure({ kind: 'host', host: 'web-1', since: on('05') }, all))).toEqual([3, 4, 6, 7]);
    expect(daysOf(planExposure({ kind: 'host', host: 'web-1', since: on('06') }, all))).toEqual([3, 4, 6, 7]);
    expect(daysOf(planExposure({ kind: 'host', host: 'web-2', since: on('31') }, all))).toEqual([5]);
    expect(daysOf(planExposure({ kind: 'host', host: 'web-1', since: on('01') }, all))).toEqual([
      1, 3, 4, 6, 7,
    ]);
  });
});

describe('what is compared with', () => {
  it('is the newest complete snapshot of the same set and host, exposed or not', () => {
    const all = snapshots({}, { generation: 2 }, { host: 'web-2' }, { generation: 2, complete: false });
    const { groups } = planExposure(key(1), all);
    expect(groups.map(({ set, host, newest }) => [set, host, newest.time.slice(8, 10)])).toEqual([
      ['app', 'web-1', '02'],
      ['app', 'web-2', '03'],
    ]);
    expect(planExposure(key(1), snapshots({ complete: false })).groups[0]!.newest.complete).toBe(false);
    expect(planExposure(key(1), snapshots({ generation: 2 })).groups).toEqual([]);
  });
});

it('snapshots that were deleted are counted, those that were re-encrypted are not', () => {
  const all = snapshots({}, {});
  const removal = (id: string) => ({ set: 'app', id, sha256: '' });
  const ledger = [
    { action: 'delete', removes: [removal('gone-1'), removal('gone-2')] },
    { action: 'prune', removes: [removal('gone-2'), removal(all[0]!.id)] },
    { action: 'reencrypt', removes: [removal('gone-3')] },
  ] as const;
  expect(planExposure(key(1), all, ledger).deleted).toBe(2);
  expect(planExposure({ kind: 'host', host: 'web-1' }, all, ledger).deleted).toBe(0);
});
