import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseListed, chooseSnapshot, hostsOf, parseAt } from '../../src/vault/select.ts';
import type { RefusedRecord, Snapshot } from '../../src/vault/snapshots.ts';

/** Local time two hours ahead of UTC, whatever the machine's. */
const zone = process.env.TZ;
beforeAll(() => {
  process.env.TZ = 'Etc/GMT-2';
});
afterAll(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

interface Some {
  readonly host?: string;
  readonly complete?: boolean;
  readonly label?: string;
  readonly tags?: Record<string, string>;
}

/** A snapshot of `set` at `hour` o'clock UTC; only what choosing looks at. */
function snap(set: string, hour: number, { host = 'web-1', complete = true, ...more }: Some = {}): Snapshot {
  const hh = String(hour).padStart(2, '0');
  const id = `20261120T${hh}0000Z-${set}${hh}${'0'.repeat(4 - set.length)}`;
  return { set, id, host, complete, time: `2026-11-20T${hh}:00:00Z`, ...more } as Snapshot;
}

function refused(set: string, hour: number): RefusedRecord {
  const { id } = snap(set, hour);
  const object = `snapshots/${set}/${id}.json`;
  return {
    set,
    id,
    finding: { code: 'unlisted-writer', object, message: `${object} is bad`, severity: 'error' },
  };
}

const app = [
  snap('app', 1, { label: 'first' }),
  snap('app', 2, { label: 'before' }),
  snap('app', 3, { label: 'before' }),
  snap('app', 4, { complete: false, label: 'half' }),
];
const one = { snapshots: app, refused: [] };
const idAt = (hour: number, set = 'app') => snap(set, hour).id;

describe('a selector', () => {
  it.each([
    ['nothing: the newest that is complete', {}, 3],
    ['latest', { selector: 'latest' }, 3],
    ['latest~0', { selector: 'latest~0' }, 3],
    ['latest~1', { selector: 'latest~1' }, 2],
    ['latest~2', { selector: 'latest~2' }, 1],
    ['an id', { selector: idAt(1) }, 1],
    ['the id of an incomplete one', { selector: idAt(4) }, 4],
    ['the unique beginning of one', { selector: '20261120T02' }, 2],
    ['@label', { selector: '@first' }, 1],
    ['@label, the newest of two', { selector: '@before' }, 3],
    ['@label of an incomplete one, as it was named', { selector: '@half' }, 4],
    ['latest --at', { at: new Date('2026-11-20T02:30:00Z') }, 2],
    ['latest --at its very second', { at: new Date('2026-11-20T02:00:00Z') }, 2],
    ['latest~1 --at', { selector: 'latest~1', at: new Date('2026-11-20T02:30:00Z') }, 1],
    ['@label --at', { selector: '@before', at: new Date('2026-11-20T02:30:00Z') }, 2],
    ['--host', { host: 'web-1' }, 3],
    ['--set', { set: 'app' }, 3],
  ])('%s', (_, choice, hour) => {
    expect(chooseSnapshot(one, choice).snapshot.id).toBe(idAt(hour));
  });

  it.each([
    ['latest~3', {}, 'there is no latest~3 of the set app by host web-1'],
    ['20261121', {}, 'there is no snapshot "20261121"'],
    ['', {}, 'there is no snapshot ""'],
    ['@nope', {}, 'there is no snapshot labelled "nope"'],
    ['latest', { set: 'db' }, 'there is no complete snapshot of the set db'],
    ['latest', { host: 'web-2' }, 'there is no complete snapshot by host web-2'],
    [
      'latest',
      { at: new Date('2026-11-20T00:30:00Z') },
      'there is no complete snapshot at or before 2026-11-20T00:30:00Z',
    ],
    [
      idAt(3),
      { at: new Date('2026-11-20T02:30:00Z') },
      `there is no snapshot "${idAt(3)}" at or before 2026-11-20T02:30:00Z`,
    ],
    [idAt(3), { set: 'db' }, `there is no snapshot "${idAt(3)}" of the set db`],
    ['latest~-1', {}, 'there is no snapshot "latest~-1"'],
    ['\u001b[2J', {}, 'there is no snapshot "\\u001b[2J"'],
  ])('%j with %j finds nothing, and says so', (selector, choice, message) => {
    expect(() => chooseSnapshot(one, { selector, ...choice })).toThrow(
      expect.objectContaining({
        code: 'no-snapshot',
        exitCode: 10,
        message,
        hint: expect.stringContaining('list'),
      }),
    );
  });

  it('that begins several ids is ambiguous', () => {
    expect(() => chooseSnapshot(one, { selector: '2026' })).toThrow(
      expect.objectContaining({
        code: 'ambiguous-snapshot',
        exitCode: 2,
        message: '4 snapshots begin with "2026"',
      }),
    );
  });

  it('names what is newer and was passed over, as incomplete', () => {
    expect(chooseSnapshot(one, {}).passedOver.map((s) => s.id)).toEqual([idAt(4)]);
    expect(chooseSnapshot(one, { at: new Date('2026-11-20T03:30:00Z') }).passedOver).toEqual([]);
    expect(chooseSnapshot(one, { selector: idAt(1) }).passedOver).toEqual([]);
  });

  it('never means an incomplete one by latest', () => {
    const only = { snapshots: [snap('app', 4, { complete: false })], refused: [] };
    expect(() => chooseSnapshot(only, {})).toThrow(
      'there is no complete snapshot of the set app by host web-1',
    );
  });
});

describe('several sets', () => {
  const two = { snapshots: [...app, snap('db', 5, { label: 'before' })], refused: [] };

  it.each(['latest', '@before'])('%s asks which is meant', (selector) => {
    expect(() => chooseSnapshot(two, { selector })).toThrow(
      expect.objectContaining({
        code: 'which-set',
        exitCode: 2,
        message: 'that could be of 2 sets: app, db',
        hint: 'say which with --set',
      }),
    );
  });

  it('an id, a beginning or a label that only one has needs no --set', () => {
    expect(chooseSnapshot(two, { selector: idAt(5, 'db') }).snapshot.set).toBe('db');
    expect(chooseSnapshot(two, { selector: '20261120T05' }).snapshot.set).toBe('db');
    expect(chooseSnapshot(two, { selector: '@first' }).snapshot.set).toBe('app');
  });

  it('--set narrows a label too', () => {
    expect(chooseSnapshot(two, { selector: '@before', set: 'app' }).snapshot.id).toBe(idAt(3));
  });
});

describe('several hosts', () => {
  const hosts = [
    snap('app', 1, { host: 'web-1' }),
    snap('app', 2, { host: 'web-2' }),
    snap('app', 3, { host: 'web-3' }),
  ];
  const from = { snapshots: hosts, refused: [] };

  it('the one that this machine writes as is meant', () => {
    expect(chooseSnapshot(from, {}, 'web-2').snapshot.host).toBe('web-2');
  });

  it('the one that is named comes before it', () => {
    expect(chooseSnapshot(from, { host: 'web-3' }, 'web-2').snapshot.host).toBe('web-3');
  });

  it('none of which is this machine: asks', () => {
    expect(() => chooseSnapshot(from, {}, 'laptop')).toThrow(
      expect.objectContaining({
        code: 'which-host',
        exitCode: 2,
        message: '3 hosts have snapshots of the set app: web-1, web-2, web-3',
        hint: 'say which with --host, such as --host web-3, the newest',
        newest: [hosts[2], hosts[1], hosts[0]],
      }),
    );
  });

  it('each of them is listed once, if a snapshot of its is complete in time', () => {
    const more = [
      ...hosts,
      snap('app', 4, { host: 'web-4', complete: false }),
      snap('db', 5, { host: 'web-5' }),
    ];
    expect(hostsOf(more, { set: 'app' })).toEqual(['web-1', 'web-2', 'web-3']);
    expect(hostsOf(more, { set: 'app', host: 'web-2' })).toEqual(['web-2']);
    expect(hostsOf(more, { set: 'app', at: new Date(hosts[1]!.time) })).toEqual(['web-1', 'web-2']);
  });

  it('an id needs no host', () => {
    expect(chooseSnapshot(from, { selector: hosts[0]!.id }, 'laptop').snapshot.host).toBe('web-1');
  });
});

describe('a snapshot that does not count', () => {
  const code = 'unlisted-writer';

  it('and is newer stops latest, however far back, and a label', () => {
    const from = { snapshots: app, refused: [refused('app', 9)] };
    for (const selector of ['latest', 'latest~2', '@before']) {
      expect(() => chooseSnapshot(from, { selector }), selector).toThrow(
        expect.objectContaining({
          code,
          exitCode: 13,
          message: expect.stringContaining('the newest snapshot of app does not count'),
        }),
      );
    }
    expect(() => chooseSnapshot(from, {})).toThrow(
      expect.objectContaining({
        hint: expect.stringContaining(`the newest sound snapshot is ${idAt(3)}: name it`),
      }),
    );
  });

  it('and is older, of another set, or later than --at, stops nothing', () => {
    const from = { snapshots: app, refused: [refused('app', 0), refused('db', 9)] };
    expect(chooseSnapshot(from, { set: 'app' }).snapshot.id).toBe(idAt(3));
    const later = { snapshots: app, refused: [refused('app', 9)] };
    expect(chooseSnapshot(later, { at: new Date('2026-11-20T05:00:00Z') }).snapshot.id).toBe(idAt(3));
  });

  it('does not stop one that is named by its id', () => {
    const from = { snapshots: app, refused: [refused('app', 9)] };
    expect(chooseSnapshot(from, { selector: idAt(3) }).snapshot.id).toBe(idAt(3));
  });

  it('is said to be bad, not to be missing, when it is named or all there is', () => {
    const from = { snapshots: [], refused: [refused('app', 9)] };
    for (const choice of [{ selector: idAt(9) }, { selector: '20261120T09' }, {}, { set: 'app' }]) {
      expect(() => chooseSnapshot(from, choice)).toThrow(expect.objectContaining({ code, exitCode: 13 }));
    }
    expect(() => chooseSnapshot(from, { set: 'db' })).toThrow(
      expect.objectContaining({ code: 'no-snapshot' }),
    );
  });
});

describe('a time that a person types', () => {
  it.each([
    ['2026-11-20T06:00:00Z', '2026-11-20T06:00:00.000Z'],
    ['2026-11-20 06:00Z', '2026-11-20T06:00:00.000Z'],
    ['2026-11-20T06:00:00+01:00', '2026-11-20T05:00:00.000Z'],
    ['2026-11-20T06:00:00-0530', '2026-11-20T11:30:00.000Z'],
    ['2026-11-20 06:00', '2026-11-20T04:00:00.000Z'],
    ['2026-11-20T06:00:30', '2026-11-20T04:00:30.000Z'],
    [' 2026-11-20 ', '2026-11-20T21:59:59.000Z'],
    ['2028-02-29', '2028-02-29T21:59:59.000Z'],
  ])('%s is %s', (text, iso) => {
    expect(parseAt(text).toISOString()).toBe(iso);
  });

  it('of a day alone begins with it where it is a beginning', () => {
    expect(parseAt('2026-11-20', '00:00:00').toISOString()).toBe('2026-11-19T22:00:00.000Z');
  });

  it.each([
    '',
    'yesterday',
    '2026-11',
    '20.11.2026',
    '2026-13-01',
    '2026-02-30',
    '2026-11-31 06:00',
    '2026-11-20 25:00',
    '2026-11-20T6:00',
    '2026-11-20Z',
    '1763618292',
  ])('%j is none', (text) => {
    expect(() => parseAt(text)).toThrow(
      expect.objectContaining({
        code: 'bad-time',
        exitCode: 2,
        hint: expect.stringContaining('2026-11-20T06:00:00Z'),
      }),
    );
  });
});

describe('a list', () => {
  const all = [...app, snap('db', 2, { host: 'web-2', tags: { release: '42', tier: 'gold' } })];

  it.each([
    ['everything', {}, 5],
    ['of a set', { set: 'db' }, 1],
    ['of a host', { host: 'web-1' }, 4],
    ['with a label', { label: 'before' }, 2],
    ['with a tag', { tags: [['release', '42']] as const }, 1],
    [
      'with two tags',
      {
        tags: [
          ['release', '42'],
          ['tier', 'tin'],
        ] as const,
      },
      0,
    ],
    ['since', { since: '2026-11-20T02:00:00Z' }, 4],
    ['until', { until: '2026-11-20T02:00:00Z' }, 3],
    ['since a day, from its beginning', { since: '2026-11-20' }, 5],
    ['until a day, to its end', { until: '2026-11-20' }, 5],
    ['since and until, in local time', { since: '2026-11-20 04:00', until: '2026-11-20 05:00' }, 3],
    ['of a set that is not there', { set: 'x' }, 0],
  ])('%s', (_, filter, count) => {
    expect(chooseListed(all, filter)).toHaveLength(count);
  });

  it('refuses what is no time', () => {
    expect(() => chooseListed(all, { since: 'soon' })).toThrow(expect.objectContaining({ code: 'bad-time' }));
  });
});
