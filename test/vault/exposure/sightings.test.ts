import { describe, expect, it } from 'vitest';
import { foldFile, type Sighting, see, type ValuePlace } from '../../../src/vault/exposure/sightings.ts';
import type { FileVersion, MarkedValue } from '../../../src/vault/exposure/versions.ts';

const place = { set: 'app', host: 'web-1', path: '.env' };

/** Names to marks; a name in upper case is likely a secret. */
function version(values: Record<string, string>, reason?: string): FileVersion {
  return {
    values: Object.entries(values).map(([name, mark]): MarkedValue => {
      const likely = name === name.toUpperCase();
      return { name, mark, kind: 'value', likely, telling: likely };
    }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function seen(...versions: [FileVersion, string][]): Sighting[] {
  const sightings = new Map<string, Sighting>();
  for (const [i, [v, time]] of versions.entries()) see(sightings, String(i), v, time);
  return [...sightings.values()];
}

const nowhere = new Map<string, ValuePlace>();
const statuses = (sightings: Sighting[], today: FileVersion | null | undefined, places = nowhere) =>
  Object.fromEntries(foldFile(place, sightings, { version: today, places }).map((v) => [v.name, v.status]));

describe('a value of the exposed snapshots', () => {
  const was = version({ A: '1', b: '2', C: '3' });

  it('is the same, changed or gone in the newest one', () => {
    expect(statuses(seen([was, '1']), version({ A: '1', b: 'x' }))).toEqual({
      A: 'same',
      b: 'changed',
      C: 'gone',
    });
    expect(statuses(seen([was, '1']), undefined)).toEqual({ A: 'gone', b: 'gone', C: 'gone' });
    expect(statuses(seen([was, '1']), null)).toEqual({ A: 'unknown', b: 'unknown', C: 'unknown' });
  });

  it('is the same when any of the exposed versions had the value of today', () => {
    const before = version({ A: 'old' });
    for (const [x, y] of [
      ['1', '2'],
      ['2', '1'],
    ] as const)
      expect(statuses(seen([before, x], [was, y]), version({ A: 'old' })).A).toBe('same');
  });

  it('is moved when a secret of today has the same value under another name; of what is no secret nobody asks', () => {
    const now = { ...place, name: 'NEW' };
    const places = new Map([
      ['1', now],
      ['2', now],
    ]);
    const folded = foldFile(place, seen([was, '1']), { version: version({ NEW: '1', b: 'x' }), places });
    expect(folded.map(({ name, status, now: where }) => [name, status, where])).toEqual([
      ['A', 'moved', now],
      ['b', 'changed', undefined],
      ['C', 'gone', undefined],
    ]);
    // Where it stands under its own name again, it is just the same.
    const [again] = foldFile(place, seen([was, '1'], [version({ A: '9' }), '2']), {
      version: version({ A: '9' }),
      places,
    });
    expect([again!.status, again!.now]).toEqual(['same', undefined]);
  });

  it('is not called gone when its file cannot be taken apart any more', () => {
    const torn = {
      values: [{ name: '(whole file)', kind: 'file', likely: true, telling: true, mark: 'x' }],
      reason: 'is no sound YAML',
    } as const;
    expect(statuses(seen([was, '1']), torn)).toEqual({ A: 'unknown', b: 'unknown', C: 'unknown' });
    expect(statuses(seen([torn, '1']), was)).toEqual({ '(whole file)': 'unknown' });
  });

  it('is counted over all versions that have its name, from the first to the last', () => {
    const sightings = new Map<string, Sighting>();
    see(sightings, 'a', version({ A: '1', B: '1' }), '2026-10-02');
    see(sightings, 'a', version({ A: '1', B: '1' }), '2026-10-01');
    see(sightings, 'b', version({ A: '2' }, 'is odd'), '2026-10-03');
    const folded = foldFile(place, [...sightings.values()], { version: undefined, places: nowhere });
    expect(folded).toEqual([
      expect.objectContaining({
        ...place,
        name: 'A',
        snapshots: 3,
        first: '2026-10-01',
        last: '2026-10-03',
        reason: 'is odd',
      }),
      expect.objectContaining({ ...place, name: 'B', snapshots: 2, first: '2026-10-01', last: '2026-10-02' }),
    ]);
  });
});
