import { describe, expect, it } from 'vitest';
import { parseEvery } from '../../../src/host/schedule/every.ts';
import { keepTimes } from '../../../src/host/schedule/keep-times.ts';

const MINUTE = 60_000;

interface Day {
  readonly every: string;
  readonly start: string;
  readonly end: string;
  readonly last?: string;
  readonly atStart?: boolean;
  readonly late?: number;
  /** Minutes that a run takes. */
  readonly takes?: number;
  /** What happens to the clock while it waits. */
  onSleep?(clock: { now: Date }): void;
}

/** Local times, so that the zone of the tests does not matter. */
async function runsOf({
  every,
  start,
  end,
  last,
  atStart = false,
  late = 0,
  takes = 1,
  onSleep,
}: Day): Promise<string[]> {
  const clock = { now: new Date(start) };
  const runs: string[] = [];
  const text = (time: Date) => {
    const local = new Date(time.getTime() - time.getTimezoneOffset() * MINUTE);
    return local.toISOString().slice(0, 16);
  };
  await keepTimes(
    { every: parseEvery(every), late, last: last === undefined ? undefined : new Date(last), atStart },
    {
      now: () => clock.now,
      async sleep(ms) {
        clock.now = new Date(clock.now.getTime() + ms);
        onSleep?.(clock);
      },
      isEnding: () => clock.now >= new Date(end),
      waits() {},
      async run() {
        runs.push(text(clock.now));
        clock.now = new Date(clock.now.getTime() + takes * MINUTE);
      },
    },
  );
  return runs;
}

describe('in the foreground', () => {
  it('runs at the times', async () => {
    expect(await runsOf({ every: '6h', start: '2026-03-10T05:00', end: '2026-03-11T01:00' })).toEqual([
      '2026-03-10T06:00',
      '2026-03-10T12:00',
      '2026-03-10T18:00',
      '2026-03-11T00:00',
    ]);
  });

  it('runs one at a time: what came due meanwhile is caught up once', async () => {
    expect(
      await runsOf({ every: '15m', start: '2026-03-10T05:01', end: '2026-03-10T06:31', takes: 40 }),
    ).toEqual(['2026-03-10T05:15', '2026-03-10T05:55']);
  });

  it('catches up once what was missed before it was started', async () => {
    const day = { every: '02:00', start: '2026-03-10T05:00', end: '2026-03-11T03:00' };
    expect(await runsOf({ ...day, last: '2026-03-06T02:00' })).toEqual([
      '2026-03-10T05:00',
      '2026-03-11T02:00',
    ]);
    expect(await runsOf({ ...day, last: '2026-03-10T02:00' })).toEqual(['2026-03-11T02:00']);
    expect(await runsOf(day)).toEqual(['2026-03-11T02:00']);
    expect(await runsOf({ ...day, atStart: true })).toEqual(['2026-03-10T05:00', '2026-03-11T02:00']);
  });

  it('catches up once after the machine was asleep', async () => {
    let hasSlept = false;
    const runs = await runsOf({
      every: '1h',
      start: '2026-03-10T05:10',
      end: '2026-03-10T12:30',
      onSleep(clock) {
        if (hasSlept) return;
        hasSlept = true;
        clock.now = new Date('2026-03-10T10:20');
      },
    });
    expect(runs).toEqual(['2026-03-10T10:20', '2026-03-10T11:00', '2026-03-10T12:00']);
  });

  it('goes on when the clock is set back, or was ahead when it was last remembered', async () => {
    let isSet = false;
    const day = { every: '1h', start: '2026-03-10T05:10', end: '2026-03-10T08:30' };
    const runs = await runsOf({
      ...day,
      end: '2026-03-10T03:30',
      start: '2026-03-09T22:10',
      onSleep(clock) {
        if (isSet) return;
        isSet = true;
        clock.now = new Date('2026-03-09T20:30');
      },
    });
    expect(runs.slice(0, 2)).toEqual(['2026-03-09T21:00', '2026-03-09T22:00']);
    expect(await runsOf({ ...day, last: '2030-01-01T00:00' })).toEqual([
      '2026-03-10T06:00',
      '2026-03-10T07:00',
      '2026-03-10T08:00',
    ]);
  });

  it('keeps intervals, and is late by as much as it is to be', async () => {
    const day = { start: '2026-03-10T05:00', end: '2026-03-14T00:00' };
    expect(await runsOf({ ...day, every: '36h', last: '2026-03-09T12:00' })).toEqual([
      '2026-03-11T00:00',
      '2026-03-12T12:00',
    ]);
    expect(await runsOf({ ...day, every: 'daily', late: 90 })).toEqual([
      '2026-03-11T01:30',
      '2026-03-12T01:30',
      '2026-03-13T01:30',
    ]);
  });

  it('ends at once when nothing runs', async () => {
    expect(
      await runsOf({ every: '1h', start: '2026-03-10T05:10', end: '2026-03-10T05:10', atStart: true }),
    ).toEqual([]);
  });
});
