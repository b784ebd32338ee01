import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PERIODS, periodOf } from '../../../src/vault/prune/periods.ts';
import {
  type Candidate,
  isEmptyPolicy,
  judgeRetention,
  type RetentionPolicy,
  type Verdict,
} from '../../../src/vault/prune/retention.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = new Date('2026-11-20T12:00:00Z');

type More = Partial<Omit<Candidate, 'snapshot'>> & {
  readonly host?: string;
  readonly tail?: string;
  readonly complete?: boolean;
  readonly tags?: Record<string, string>;
};

/** A candidate made at a time. @param time RFC 3339, or a day, whose noon it is */
function made(time: string | number, more: More = {}): Candidate {
  const { host = 'web-1', tail = 'aaaaaa', complete = true, tags, ...rest } = more;
  const whole = typeof time === 'string' && time.length === 10 ? `${time}T12:00:00Z` : time;
  const at = `${new Date(whole).toISOString().slice(0, 19)}Z`;
  const id = `${at.replace(/[-:]/g, '')}-${tail}`;
  return { snapshot: { set: 'app', host, id, time: at, complete, ...(tags ? { tags } : {}) }, ...rest };
}

/** So many, one a `step`, the newest at `end`. */
function series(count: number, step = DAY, end = NOW.getTime()): Candidate[] {
  return Array.from({ length: count }, (_, i) => made(end - i * step));
}

const judge = (candidates: readonly Candidate[], policy: RetentionPolicy, now = NOW) =>
  judgeRetention(candidates, policy, now);
const keptOf = (verdicts: readonly Verdict[]) => verdicts.filter((v) => v.keep).map((v) => v.snapshot);
const daysKept = (verdicts: readonly Verdict[]) => keptOf(verdicts).map((s) => s.time.slice(0, 10));
/** The table as a person reads it, newest first. */
const tableOf = (verdicts: readonly Verdict[]) =>
  verdicts
    .map(
      ({ snapshot, keep, reasons }) => `${snapshot.time} ${keep ? 'keep  ' : 'remove'} ${reasons.join(', ')}`,
    )
    .reverse();

describe('a rule', () => {
  it('last: the newest so many', () => {
    expect(tableOf(judge(series(5), { last: 2 }))).toEqual([
      '2026-11-20T12:00:00Z keep   last 2',
      '2026-11-19T12:00:00Z keep   last 2',
      '2026-11-18T12:00:00Z remove no rule keeps it',
      '2026-11-17T12:00:00Z remove no rule keeps it',
      '2026-11-16T12:00:00Z remove no rule keeps it',
    ]);
  });

  it('hourly: the newest of each of the newest hours that have one', () => {
    const times = ['11:59:59', '11:00:00', '10:59:59', '08:30:00', '08:00:00', '07:00:00'];
    const all = times.map((time) => made(`2026-11-20T${time}Z`));
    expect(tableOf(judge(all, { hourly: 3 }))).toEqual([
      '2026-11-20T11:59:59Z keep   hourly 2026-11-20 11h',
      '2026-11-20T11:00:00Z remove no rule keeps it',
      '2026-11-20T10:59:59Z keep   hourly 2026-11-20 10h',
      '2026-11-20T08:30:00Z keep   hourly 2026-11-20 08h',
      '2026-11-20T08:00:00Z remove no rule keeps it',
      '2026-11-20T07:00:00Z remove no rule keeps it',
    ]);
  });

  it('daily: by days of UTC, and days without one do not count', () => {
    const times = [
      '2026-11-20T00:00:00Z',
      '2026-11-19T23:59:59Z',
      '2026-11-19T00:00:00Z',
      '2026-11-11T09:00:00Z',
      '2026-11-10T09:00:00Z',
    ];
    expect(
      tableOf(
        judge(
          times.map((t) => made(t)),
          { daily: 3 },
        ),
      ),
    ).toEqual([
      '2026-11-20T00:00:00Z keep   daily 2026-11-20',
      '2026-11-19T23:59:59Z keep   daily 2026-11-19',
      '2026-11-19T00:00:00Z remove no rule keeps it',
      '2026-11-11T09:00:00Z keep   daily 2026-11-11',
      '2026-11-10T09:00:00Z remove no rule keeps it',
    ]);
  });

  it('weekly: by ISO weeks, also over the end of a year', () => {
    // 2026 has 53 weeks: the first three days of 2027 are in the last of them.
    const days = ['2027-01-04', '2027-01-03', '2027-01-01', '2026-12-28', '2026-12-27', '2026-12-21'];
    expect(
      tableOf(
        judge(
          days.map((d) => made(d)),
          { weekly: 3 },
          new Date('2027-01-05'),
        ),
      ),
    ).toEqual([
      '2027-01-04T12:00:00Z keep   weekly 2027-W01',
      '2027-01-03T12:00:00Z keep   weekly 2026-W53',
      '2027-01-01T12:00:00Z remove no rule keeps it',
      '2026-12-28T12:00:00Z remove no rule keeps it',
      '2026-12-27T12:00:00Z keep   weekly 2026-W52',
      '2026-12-21T12:00:00Z remove no rule keeps it',
    ]);
  });

  it('monthly and yearly: one snapshot may fill several places', () => {
    const days = ['2026-11-20', '2026-11-01', '2026-10-31', '2025-12-31', '2025-01-01', '2024-02-29'];
    expect(
      tableOf(
        judge(
          days.map((d) => made(d)),
          { monthly: 2, yearly: 2 },
        ),
      ),
    ).toEqual([
      '2026-11-20T12:00:00Z keep   monthly 2026-11, yearly 2026',
      '2026-11-01T12:00:00Z remove no rule keeps it',
      '2026-10-31T12:00:00Z keep   monthly 2026-10',
      '2025-12-31T12:00:00Z keep   yearly 2025',
      '2025-01-01T12:00:00Z remove no rule keeps it',
      '2024-02-29T12:00:00Z remove no rule keeps it',
    ]);
  });

  it('within: all of so long before the newest, to the second', () => {
    const all = [0, DAY, 2 * DAY, 3 * DAY, 3 * DAY + 1000].map((age) => made(NOW.getTime() - age));
    expect(tableOf(judge(all, { within: 3 * DAY }))).toEqual([
      '2026-11-20T12:00:00Z keep   within 3 days',
      '2026-11-19T12:00:00Z keep   within 3 days',
      '2026-11-18T12:00:00Z keep   within 3 days',
      '2026-11-17T12:00:00Z keep   within 3 days',
      '2026-11-17T11:59:59Z remove no rule keeps it',
    ]);
  });

  it('tags: those with one of them, besides the newest', () => {
    const all = [
      made('2026-11-20'),
      made('2026-11-19', { tags: { release: 'v2' } }),
      made('2026-11-18', { tags: { release: 'v1', audit: 'yes' } }),
      made('2026-11-17', { tags: { release: 'v11' } }),
    ];
    expect(tableOf(judge(all, { tags: ['release=v1', 'audit=yes', 'release=v2'] }))).toEqual([
      '2026-11-20T12:00:00Z keep   newest',
      '2026-11-19T12:00:00Z keep   tag release=v2',
      '2026-11-18T12:00:00Z keep   tag release=v1, tag audit=yes',
      '2026-11-17T12:00:00Z remove no rule keeps it',
    ]);
  });

  it('minimum: the newest so many, whatever their dates', () => {
    expect(tableOf(judge(series(5, 40 * DAY), { yearly: 1, minimum: 3 }))).toEqual([
      '2026-11-20T12:00:00Z keep   yearly 2026',
      '2026-10-11T12:00:00Z keep   minimum 3',
      '2026-09-01T12:00:00Z keep   minimum 3',
      '2026-07-23T12:00:00Z remove no rule keeps it',
      '2026-06-13T12:00:00Z remove no rule keeps it',
    ]);
  });

  it.each<RetentionPolicy>([{}, { minimum: 5 }, { last: 0, daily: 0 }, { tags: [] }, { within: 0 }])(
    'none, as in %j, removes nothing',
    (policy) => {
      expect(isEmptyPolicy(policy)).toBe(true);
      expect(
        judge([...series(20), made('2026-11-01', { complete: false })], policy).every((v) => v.keep),
      ).toBe(true);
    },
  );
});

describe('the older forms', () => {
  const count = (verdicts: readonly Verdict[]) => keptOf(verdicts).length;

  it('"30 days, at least 5": within 30d, minimum 5', () => {
    const policy = { within: 30 * DAY, minimum: 5 };
    expect(daysKept(judge(series(60), policy))).toEqual(daysKept(judge(series(31), {})));
    // Three in a year: all of them.
    expect(count(judge(series(3, 60 * DAY), policy))).toBe(3);
    expect(daysKept(judge(series(10, 40 * DAY), policy))).toEqual([
      '2026-06-13',
      '2026-07-23',
      '2026-09-01',
      '2026-10-11',
      '2026-11-20',
    ]);
  });

  it('"7 days and 12 weeks": daily 7, weekly 12', () => {
    expect(daysKept(judge(series(200), { daily: 7, weekly: 12 }))).toEqual([
      '2026-09-06',
      '2026-09-13',
      '2026-09-20',
      '2026-09-27',
      '2026-10-04',
      '2026-10-11',
      '2026-10-18',
      '2026-10-25',
      '2026-11-01',
      '2026-11-08',
      '2026-11-14',
      '2026-11-15',
      '2026-11-16',
      '2026-11-17',
      '2026-11-18',
      '2026-11-19',
      '2026-11-20',
    ]);
  });

  it('"hourly 7 days, daily 30, weekly 90 days, monthly a year": 168, 30, 13, 12', () => {
    const policy = { hourly: 168, daily: 30, weekly: 13, monthly: 12 };
    const verdicts = judge(series(2 * 365 * 24, HOUR), policy);
    const by = (word: string) => verdicts.filter((v) => v.reasons.some((r) => r.startsWith(word)));
    expect(['hourly', 'daily', 'weekly', 'monthly'].map((word) => by(word).length)).toEqual([
      168, 30, 13, 12,
    ]);
    expect(by('hourly')[0]?.snapshot.time).toBe('2026-11-13T13:00:00Z');
    expect(by('daily')[0]?.snapshot.time).toBe('2026-10-22T23:00:00Z');
    expect(by('weekly')[0]?.snapshot.time).toBe('2026-08-30T23:00:00Z');
    expect(by('monthly')[0]?.snapshot.time).toBe('2025-12-31T23:00:00Z');
    expect(count(verdicts)).toBe(208);
  });

  it('"keep 7 days but at least 3": within 7d, minimum 3', () => {
    const policy = { within: 7 * DAY, minimum: 3 };
    expect(count(judge(series(20), policy))).toBe(8);
    // Where backups are rare, the window stays a few behind.
    expect(count(judge(series(20, 30 * DAY), policy))).toBe(5);
  });
});

describe('only good snapshots count', () => {
  it('failed runs and damage take no place, however many there are', () => {
    const failed = series(30, HOUR).map((c) => ({ ...c, snapshot: { ...c.snapshot, complete: false } }));
    const damaged = series(30, HOUR, NOW.getTime() - 30 * HOUR).map((c) => ({ ...c, isDamaged: true }));
    const good = series(5, DAY, NOW.getTime() - 3 * DAY);
    const verdicts = judge([...failed, ...damaged, ...good], { last: 3 });
    expect(verdicts.filter((v) => v.keep && v.reasons[0] === 'last 3').map((v) => v.snapshot)).toEqual(
      good
        .slice(0, 3)
        .map((c) => c.snapshot)
        .reverse(),
    );
    expect(verdicts.filter((v) => !v.keep)).toHaveLength(2);
  });

  it('an incomplete one goes once a whole one is newer; a damaged one never, and no incomplete one for it', () => {
    const all = [
      made('2026-11-20', { complete: false }),
      made('2026-11-19', { isDamaged: true }),
      made('2026-11-18'),
      made('2026-11-17', { complete: false }),
      made('2026-11-16', { complete: false, isDamaged: true }),
    ];
    expect(tableOf(judge(all, { last: 1 }))).toEqual([
      '2026-11-20T12:00:00Z keep   newer than the newest whole one',
      '2026-11-19T12:00:00Z keep   damaged: see `strongroom verify`',
      '2026-11-18T12:00:00Z keep   newest',
      '2026-11-17T12:00:00Z remove incomplete, and a newer one is whole',
      '2026-11-16T12:00:00Z keep   damaged: see `strongroom verify`',
    ]);
    const none = [made('2026-11-20', { complete: false }), made('2026-11-19', { complete: false })];
    expect(tableOf(judge(none, { last: 1 }))).toEqual([
      '2026-11-20T12:00:00Z keep   incomplete, but none is whole',
      '2026-11-19T12:00:00Z keep   incomplete, but none is whole',
    ]);
  });

  it('is told to people: of a pinned one both', () => {
    const all = [made('2026-11-20'), made('2026-11-19', { isDamaged: true, kept: {} })];
    expect(tableOf(judge(all, { last: 1 }))[1]).toBe(
      '2026-11-19T12:00:00Z keep   damaged: see `strongroom verify`, kept',
    );
  });
});

describe('what `keep` said', () => {
  const [newest, old] = [made('2026-11-20'), '2026-01-01'] as const;
  const week = series(8);
  const pinned = (until?: string) => made(old, { kept: until ? { until: new Date(until) } : {} });
  const oldOne = (until: string | undefined, now = NOW) =>
    tableOf(judge([...week, pinned(until)], { last: 1 }, now)).at(-1);

  it('for ever, or for longer than now', () => {
    expect(oldOne(undefined)).toBe('2026-01-01T12:00:00Z keep   kept');
    expect(oldOne('2026-11-21T00:00:00Z')).toBe('2026-01-01T12:00:00Z keep   kept until 2026-11-21');
    expect(oldOne('2026-11-20T11:59:59Z')).toBe('2026-01-01T12:00:00Z remove no rule keeps it');
  });

  it('is over only by both the clock and the snapshots', () => {
    // A clock set forward, and one set back.
    expect(oldOne('2027-01-01T00:00:00Z', new Date('2036-01-01'))).toContain('keep   kept until 2027-01-01');
    expect(oldOne('2026-11-01T00:00:00Z', new Date('2026-10-01'))).toContain('keep   kept until 2026-11-01');
    expect(oldOne('2026-11-01T00:00:00Z')).toContain('remove');
  });

  it('is not ended by a few snapshots that the same wrong clock has dated', () => {
    const until = { until: new Date(NOW.getTime() + 300 * DAY) };
    const own = series(8).map((c, i) => (i === 7 ? { ...c, kept: until } : c));
    for (const days of [301, 340, 400]) {
      const now = new Date(NOW.getTime() + days * DAY);
      for (const count of [1, 4]) {
        const ahead = series(count, HOUR, now.getTime());
        expect(keptOf(judge([...own, ...ahead], { last: 5 }, now))).toContain(own[7]!.snapshot);
      }
      const again = series(8, DAY, now.getTime());
      expect(keptOf(judge([...own, ...again], { last: 5 }, now))).not.toContain(own[7]!.snapshot);
    }
  });

  it('holds for an incomplete one too', () => {
    const all = [newest, made(old, { complete: false, kept: {} })];
    expect(tableOf(judge(all, { last: 1 }))[1]).toBe('2026-01-01T12:00:00Z keep   kept');
  });
});

describe('clocks', () => {
  const policy = { within: 30 * DAY, daily: 7 };
  const before = judge(series(40), policy);

  it.each(['1970-01-01', '2026-01-01', '2026-10-25', '2027-11-20', '2099-01-01'])(
    'a machine that thinks it is %s removes no more than one whose clock is right',
    (now) => {
      const verdicts = judge(series(40), policy, new Date(now));
      expect(keptOf(verdicts)).toEqual(expect.arrayContaining(keptOf(before)));
    },
  );

  it('an outage ages nothing', () => {
    expect(judge(series(40), policy, new Date('2028-01-01'))).toEqual(before);
  });

  it('snapshots of a clock set forward do not put the others out of the window, then or once it is right again', () => {
    const ahead = [made('2027-11-20'), made('2027-11-21')];
    const inWindow = daysKept(judge(series(40), { within: 30 * DAY }));
    for (const now of [new Date('2027-11-21T13:00:00Z'), NOW, new Date('2026-11-22')]) {
      const kept = daysKept(judge([...ahead, ...series(40)], { within: 30 * DAY }, now));
      expect(kept, now.toISOString()).toEqual([...inWindow, '2027-11-20', '2027-11-21']);
    }
  });

  it('snapshots dated ahead take no place of what is dated as it was made, once the clock is right again', () => {
    const own = series(31);
    const ahead = series(5, HOUR, NOW.getTime() + 365 * DAY);
    for (const rules of [{ last: 5, minimum: 5 }, { hourly: 5 }, { daily: 2 }, { yearly: 1 }]) {
      const verdicts = judge([...own, ...ahead], rules);
      expect(keptOf(verdicts)).toEqual(expect.arrayContaining(keptOf(judge(own, rules))));
      expect(keptOf(verdicts)).toContain(own[0]!.snapshot);
    }
    expect(keptOf(judge([...own, ...ahead], { last: 5, minimum: 5 }))).toHaveLength(10);
  });

  it.each([2, 15, 40, 89, 400])('one backup dated %i days ahead moves no window', (days) => {
    const ahead = NOW.getTime() + days * DAY;
    for (const within of [30 * DAY, 60 * DAY]) {
      const inWindow = keptOf(judge(series(90), { within }));
      const all = [...series(90), made(ahead)];
      expect(keptOf(judge(all, { within }, new Date(ahead)))).toEqual(expect.arrayContaining(inWindow));
      // Nor do two that are a week apart, nor many of one day.
      if (days < 10) continue;
      for (const more of [[made(ahead - 8 * DAY)], series(20, HOUR, ahead - HOUR)])
        expect(keptOf(judge([...all, ...more], { within }, new Date(ahead)))).toEqual(
          expect.arrayContaining(inWindow),
        );
    }
  });

  it('where backups are rare the window moves on too, a few behind', () => {
    for (const step of [7, 30, 80]) {
      const kept = keptOf(judge(series(40, step * DAY), { within: 20 * DAY }));
      expect(kept.length).toBeLessThanOrEqual(5 + 20 / step);
    }
  });

  it('once backups have run for a week after a long gap, the window moves on', () => {
    const again = series(8, DAY, Date.parse('2027-11-20T12:00:00Z'));
    const kept = daysKept(judge([...again, ...series(40)], { within: 30 * DAY }, new Date('2027-11-21')));
    expect(kept).toEqual(again.map((c) => c.snapshot.time.slice(0, 10)).reverse());
  });
});

describe('whoever has the key of a host', () => {
  const own = series(60);
  const policy = { last: 1, daily: 30 };

  it('takes no day from what was stored in its time by dating snapshots back', () => {
    const planted = own.map(({ snapshot }) =>
      made(Date.parse(snapshot.time) + 3 * HOUR, { delay: 2 * DAY, tail: 'zzzzzz' }),
    );
    const gone = judge([...own, ...planted.slice(1)], policy).filter((v) => !v.keep);
    const honest = keptOf(judge(own, policy));
    expect(gone.filter((v) => honest.includes(v.snapshot))).toEqual([]);
  });

  it('takes no more hours in one moment than its backups take to arrive', () => {
    const policy = { hourly: 24 };
    for (const [delay, taken] of [
      [60_000, 1],
      [2 * HOUR, 5],
      [5 * HOUR, 24],
    ] as const) {
      const genuine = series(720, HOUR, NOW.getTime() - 10 * 60_000).map((c) => ({ ...c, delay }));
      const planted = Array.from({ length: 24 }, (_, n) =>
        made(NOW.getTime() - n * HOUR - 60_000, { delay: n * HOUR + 60_000, tail: 'zzzzzz' }),
      );
      const kept = keptOf(judge([...genuine, ...planted], policy));
      const lost = keptOf(judge(genuine, policy)).filter((s) => !kept.includes(s));
      expect([delay, lost.length]).toEqual([delay, taken]);
    }
  });

  it('and what was moved from another place, all of it late, is thinned out like any other', () => {
    const moved = own.map((c) => ({ ...c, delay: 2 * DAY }));
    expect(daysKept(judge(moved, policy))).toEqual(daysKept(judge(own, policy)));
    const since = series(10, DAY, NOW.getTime() + 10 * DAY);
    const now = new Date(NOW.getTime() + 11 * DAY);
    expect(daysKept(judge([...moved, ...since], policy, now))).toEqual(
      daysKept(judge(series(70, DAY, NOW.getTime() + 10 * DAY), policy, now)),
    );
  });
});

describe('properties', () => {
  const policies: fc.Arbitrary<RetentionPolicy> = fc.record(
    {
      last: fc.nat(6),
      hourly: fc.nat(6),
      daily: fc.nat(6),
      weekly: fc.nat(4),
      monthly: fc.nat(4),
      yearly: fc.nat(3),
      within: fc.nat(60).map((n) => n * DAY),
      tags: fc.subarray(['a=1', 'b=2']),
      minimum: fc.nat(6),
    },
    { requiredKeys: [] },
  );
  const candidates = fc.uniqueArray(
    fc
      .record({
        // Close together mostly, so that places are fought for.
        time: fc.oneof(
          fc.nat(40 * 24).map((h) => NOW.getTime() - h * HOUR),
          fc.nat(1200).map((d) => NOW.getTime() - d * DAY),
        ),
        tail: fc.constantFrom('aaaaaa', 'bbbbbb', 'cccccc'),
        host: fc.constantFrom('web-1', 'web-2'),
        complete: fc.boolean(),
        isDamaged: fc.boolean(),
        delay: fc.constantFrom(0, HOUR, 3 * HOUR, DAY, 2 * DAY),
        tags: fc.option(fc.constantFrom<Record<string, string>>({ a: '1' }, { b: '2' }, { a: '2' }), {
          nil: undefined,
        }),
        kept: fc.option(
          fc
            .option(fc.integer({ min: -50, max: 50 }), { nil: undefined })
            .map((days) => (days === undefined ? {} : { until: new Date(NOW.getTime() + days * DAY) })),
          { nil: undefined, freq: 6 },
        ),
      })
      .map(({ time, tags, kept, ...more }) =>
        made(time, { ...more, ...(tags ? { tags } : {}), ...(kept ? { kept } : {}) }),
      ),
    { maxLength: 40, selector: (c) => c.snapshot.id },
  );
  const clocks = fc.integer({ min: -2000, max: 2000 }).map((days) => new Date(NOW.getTime() + days * DAY));
  const isGood = (c: Candidate) => c.snapshot.complete && !c.isDamaged;
  const gone = (verdicts: readonly Verdict[]) => verdicts.filter((v) => !v.keep).map((v) => v.snapshot);

  it('the floor of good ones is never crossed, whatever the dates say and however many runs failed', () => {
    fc.assert(
      fc.property(candidates, policies, clocks, (all, policy, now) => {
        const kept = new Set(keptOf(judge(all, policy, now)));
        for (const host of ['web-1', 'web-2']) {
          const good = all.filter((c) => isGood(c) && c.snapshot.host === host);
          const left = good.filter((c) => kept.has(c.snapshot)).length;
          expect(left).toBeGreaterThanOrEqual(Math.min(good.length, policy.minimum ?? 1));
        }
      }),
    );
  });

  it('what is kept is never removed, nor what is damaged', () => {
    fc.assert(
      fc.property(candidates, policies, (all, policy) => {
        const removed = new Set(gone(judge(all, policy)));
        for (const { snapshot, kept, isDamaged } of all) {
          const isPinned = kept && (!kept.until || kept.until > NOW);
          if (isPinned || isDamaged) expect(removed.has(snapshot)).toBe(false);
        }
      }),
    );
  });

  it('a policy that asks for more keeps more', () => {
    fc.assert(
      fc.property(candidates, policies, policies, clocks, (all, a, b, now) => {
        fc.pre(!isEmptyPolicy(a));
        const numbers = ['last', 'within', 'minimum', ...PERIODS] as const;
        const more: RetentionPolicy = {
          ...Object.fromEntries(
            numbers.map((n) => {
              const none = n === 'minimum' ? 1 : 0;
              return [n, Math.max(a[n] ?? none, b[n] ?? none)];
            }),
          ),
          tags: [...(a.tags ?? []), ...(b.tags ?? [])],
        };
        expect(keptOf(judge(all, more, now))).toEqual(expect.arrayContaining(keptOf(judge(all, a, now))));
      }),
    );
  });

  it('the order of what is judged does not matter', () => {
    const shuffled = candidates.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, policies, clocks, ([all, other], policy, now) => {
        expect(judge(other, policy, now)).toEqual(judge(all, policy, now));
      }),
    );
  });

  it('one host cannot push out what another made, nor one set that of another', () => {
    fc.assert(
      fc.property(candidates, policies, clocks, (all, policy, now) => {
        const mine = all.filter((c) => c.snapshot.host === 'web-1');
        const others = all.map((c) => ({ ...c, snapshot: { ...c.snapshot, set: 'db' } }));
        const alone = judge(mine, policy, now);
        const together = judge([...all, ...others], policy, now);
        expect(together.filter((v) => v.snapshot.host === 'web-1' && v.snapshot.set === 'app')).toEqual(
          alone,
        );
      }),
    );
  });

  it('one more incomplete snapshot, or damaged one, removes nothing', () => {
    fc.assert(
      fc.property(candidates, candidates, policies, clocks, (all, more, policy, now) => {
        const ids = new Set(all.map((c) => c.snapshot.id));
        const bad = more.filter((c) => !isGood(c) && !ids.has(c.snapshot.id));
        const removed = gone(judge([...all, ...bad], policy, now));
        const before = gone(judge(all, policy, now));
        expect(removed.filter((s) => ids.has(s.id))).toEqual(before);
      }),
    );
  });

  it('what is dated ahead of the clock takes the place of nothing', () => {
    fc.assert(
      fc.property(candidates, candidates, policies, fc.nat(400), (all, more, policy, days) => {
        const ahead = more.map(({ snapshot, ...rest }) => {
          const at = Date.parse(snapshot.time) + (1300 + days) * DAY;
          return made(at, { ...rest, host: snapshot.host, complete: true, tail: snapshot.id.slice(-6) });
        });
        const good = all.filter(isGood);
        expect(keptOf(judge([...good, ...ahead], policy))).toEqual(
          expect.arrayContaining(keptOf(judge(good, policy))),
        );
      }),
    );
  });

  it('up to four backups by a wrong clock move no window, whenever they say that they were', () => {
    const wrong = fc.array(
      fc
        .integer({ min: 2 * 24, max: 80 * 24 })
        .map((h) => made(NOW.getTime() + h * HOUR, { tail: 'zzzzzz' })),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(wrong, fc.integer({ min: 2, max: 90 }), (ahead, days) => {
        const policy = { within: days * DAY };
        const now = new Date(NOW.getTime() + 81 * DAY);
        expect(keptOf(judge([...series(120), ...ahead], policy, now))).toEqual(
          expect.arrayContaining(keptOf(judge(series(120), policy))),
        );
      }),
    );
  });

  it('what is dated back takes the place of nothing that came in its time', () => {
    fc.assert(
      fc.property(candidates, policies, clocks, (all, policy, now) => {
        for (const most of [0, HOUR, 3 * HOUR, DAY]) {
          const isInTime = ({ delay = 0 }: Candidate) => delay <= most;
          const inTime = all.filter((c) => isInTime(c) && isGood(c));
          const kept = keptOf(judge(inTime, policy, now));
          expect(keptOf(judge([...inTime, ...all.filter((c) => !isInTime(c))], policy, now))).toEqual(
            expect.arrayContaining(kept),
          );
        }
      }),
    );
  });

  it('pruning again removes nothing more', () => {
    fc.assert(
      fc.property(candidates, policies, clocks, (all, policy, now) => {
        const kept = new Set(keptOf(judge(all, policy, now)));
        const again = judge(
          all.filter((c) => kept.has(c.snapshot)),
          policy,
          now,
        );
        expect(gone(again)).toEqual([]);
      }),
    );
  });

  it('every day of twenty years is in one week, and weeks follow each other', () => {
    let last = '';
    for (let day = Date.UTC(2020, 0, 1); day < Date.UTC(2040, 0, 1); day += DAY) {
      const date = new Date(day);
      const week = periodOf('weekly', date.toISOString());
      if (date.getUTCDay() === 1) expect(week > last, week).toBe(true);
      else if (last) expect(week).toBe(last);
      last = week;
    }
  });
});
