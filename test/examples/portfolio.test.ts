// examples/portfolio, lived through: typed backups of a trading system's files from its README's commands and from its
// module, what is lost and had back, what is damaged and noticed, and four months of retention on a clock of the test's.

import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Example, exampleOn } from '../support/examples.ts';
import { type Machine, machines, PASSPHRASE } from '../support/program.ts';
import { type Application, clockSet, shippedLibrary } from '../support/shipped.ts';

const machine = machines();
const library = shippedLibrary();
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** The snapshot that the README names. */
const SOME = '20261120T055812Z-7k3f9q';

interface Scene {
  readonly on: Machine;
  readonly example: Example;
  readonly app: Application;
  readonly vault: string;
  /** What opens the vault, for the commands that read. */
  readonly opens: Record<string, string>;
  /** What an application says first: the module, and `backups`. */
  readonly opening: string;
}

/** A trading system with the example's files. */
function scene(): Scene {
  const on = machine('trader-1');
  const mnt = join(on.directory, 'mnt');
  const example = exampleOn(on, 'portfolio', { '/mnt': mnt });
  for (const file of ['strongroom.yaml', 'backups.mjs']) example.copy(file);
  const vault = join(mnt, 'backup/portfolio');
  const app = library(on);
  const module = JSON.stringify(join(on.work, 'backups.mjs'));
  const options = `stateDirectory: ${JSON.stringify(on.state)}, passphrase: async () => ${JSON.stringify(PASSPHRASE)}`;
  const opening = `import * as portfolio from ${module};
const open = (more) => portfolio.openBackups(${JSON.stringify(vault)}, { ${options}, ...more });
const backups = await open();`;
  on.write('config.toml', '[risk]\nmax_positions = 2\n');
  on.write('strategies/ma_crossover.toml', 'fast = 10\nslow = 30\n');
  on.write('experiments/sweep.csv', Array.from({ length: 200 }, (_, n) => `${n},${n * n}\n`).join(''));
  trade({ on } as Scene, 1);
  const file = on.passphrase();
  return {
    on,
    example,
    app,
    vault,
    opens: { STRONGROOM_PASSPHRASE_FILE: file, STRONGROOM_NEW_PASSPHRASE_FILE: file },
    opening,
  };
}

/** The state and the trades after so many days. */
function trade({ on }: Pick<Scene, 'on'>, day: number): void {
  on.write('data/portfolio_state.json', JSON.stringify({ day, cash: 10_000 - day, positions: ['BTC/USD'] }));
  on.write(`data/trades/day-${day}.csv`, `BTC/USD,buy,0.${day},50000\n`);
}

const state = ({ on }: Scene, at = 'data') =>
  JSON.parse(readFileSync(join(on.work, at, 'portfolio_state.json'), 'utf8'));

async function ids({ on }: Scene, ...args: string[]): Promise<string[]> {
  const lines = (await on.ok(['list', '--json', ...args])).lines();
  return lines.filter((l) => l.message_type === 'snapshot').map((l) => l.id);
}

const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1001 - (Date.now() % 1000)));

describe('by its commands', () => {
  let s: Scene;
  let first: string;
  let opens: Record<string, string>;
  const follow = (heading: string) => s.example.follow(heading, opens);
  /** As `follow`, with a snapshot of ours for the one that the README names. */
  const followWith = async (heading: string, id: string) => {
    const ran = await s.example.sh(s.example.blocks(heading).join('').replaceAll(SOME, id), opens);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    return ran;
  };

  beforeAll(() => {
    s = scene();
    ({ opens } = s);
  });

  it('is set up, and takes every type at once', async () => {
    const { stdout, stderr } = await follow('Set-up');
    // A second way in, which costs less time than a passphrase does.
    const me = await s.on.identity();
    await s.on.ok(['keys', 'add', '--recipient', me.recipient, '--name', 'me'], { env: s.opens });
    opens = { STRONGROOM_IDENTITY_FILE: me.file };
    expect(stdout + stderr).toContain('The vault portfolio is sound. 4 snapshots');
    const listed = (await s.on.ok(['list', '--json'])).lines().filter((l) => l.message_type === 'snapshot');
    expect(listed.map((l) => [l.set, l.complete])).toEqual(
      expect.arrayContaining(['config', 'portfolio', 'strategies', 'trading_history'].map((t) => [t, true])),
    );
    [first = ''] = await ids(s, '--set', 'portfolio');
  });

  it('backs up one type with a description, lists by type, and says what is in a backup', async () => {
    await nextSecond();
    trade(s, 2);
    s.on.write('config.toml', '[risk]\nmax_positions = 3\n');
    const { stdout } = await follow('Backups');
    expect(stdout).toContain('description: Daily portfolio backup');
    expect(stdout).toMatch(/-0600 .* data\/portfolio_state\.json/);
    expect(stdout).toContain('max_positions');
    // Neither value of what changed is shown.
    expect(stdout).not.toMatch(/max_positions = |\b3\b.*max_positions/);
    expect(await ids(s, '--set', 'portfolio')).toHaveLength(2);
    expect(await ids(s, '--set', 'portfolio-paths')).toHaveLength(1);
    // What was taken once is not waited for.
    const groups = (await s.on.ok(['health', '--json'])).lines().filter((l) => l.message_type === 'group');
    expect(groups.flatMap((l) => (l.expected ? [] : [l.set]))).toEqual(['portfolio-paths']);
  });

  it('restores by id and by time, overwrites only when told to, and takes that back', async () => {
    const at = `${first.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*/, '$1-$2-$3 $4:$5:$6')}Z`;
    const [aside = '', inPlace = ''] = s.example.blocks('Restore');
    const restored = await s.example.sh(aside.replaceAll(SOME, first).replace('2026-11-20 06:00', at), opens);
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    expect([state(s, 'data/restored/data').day, state(s, 'restored/portfolio/data').day]).toEqual([1, 1]);
    expect(readdirSync(join(s.on.work, 'restored'))).toContain('portfolio');

    const refused = await s.on.run(['restore', first, '--in-place', '--json'], { env: opens });
    expect([refused.code, refused.failure().code, state(s).day]).toEqual([11, 'target-exists', 2]);
    const [replace = '', undo = ''] = inPlace.replaceAll(SOME, first).trim().split('\n');
    expect((await s.example.sh(replace, opens)).code).toBe(0);
    expect(state(s).day).toBe(1);
    expect((await s.example.sh(undo, opens)).code).toBe(0);
    expect(state(s).day).toBe(2);
    for (const made of ['data/restored', 'restored']) rmSync(join(s.on.work, made), { recursive: true });
  });

  it('verifies, prunes, deletes one, and knows whether all is well', async () => {
    const [unwanted = ''] = await ids(s, '--set', 'portfolio-paths');
    const { stdout, stderr } = await followWith('Upkeep', unwanted);
    expect(stdout + stderr).toContain('every entry was decrypted and compared');
    expect(stdout).toContain('Nothing is wrong.');
    expect(await ids(s)).not.toContain(unwanted);
  });

  it('is scheduled, and what cron would run is silent and makes a backup of each type', async () => {
    const [line = ''] = s.example.blocks('Every night');
    const { stdout } = await s.example.sh(`${line.trim()} --format cron --dry-run`, opens);
    const [, command = ''] = /^0 2 \* \* \* (?:root )?(.*)$/m.exec(stdout) ?? [];
    expect(command).toContain('health');
    const before = await ids(s);
    expect(await s.example.sh(command)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await ids(s)).length).toBe(before.length + 4);
  });

  it('says when the newest is too old, and of which type', async () => {
    const inTime = await s.on.run(['health'], { env: clockSet(47 * HOUR) });
    expect(inTime, inTime.stdout).toMatchObject({ code: 0 });
    const late = await s.on.run(['health', '--json'], { env: clockSet(49 * HOUR) });
    expect(late.code).toBe(5);
    const overdue = late.lines().filter((l) => l.code === 'overdue');
    expect(overdue.map((l) => l.set)).toEqual(['config', 'portfolio', 'strategies', 'trading_history']);
  });

  it('does not take a missing source for a backup', async () => {
    const path = join(s.on.work, 'data/portfolio_state.json');
    const text = readFileSync(path);
    rmSync(path);
    const ran = await s.on.ok(['backup', '--json'], { code: 3 });
    expect(ran.lines()).toContainEqual(
      expect.objectContaining({
        message_type: 'warning',
        path: 'data/portfolio_state.json',
        incomplete: true,
      }),
    );
    const bad = ran.lines().find((l) => l.set === 'portfolio' && l.snapshot)?.snapshot;
    expect(await ids(s)).toContain(bad);
    writeFileSync(path, text);
    await s.on.ok(['backup', '--set', 'portfolio']);
    // It went as the next one was whole: the retention keeps none that is not.
    expect(await ids(s)).not.toContain(bad);
  });

  it('brings everything back in an emergency, here and on a fresh machine, also from the copy elsewhere', async () => {
    await follow('Off site');
    rmSync(join(s.on.work, 'data'), { recursive: true });
    await follow('Emergency');
    expect(state(s).day).toBe(2);

    const fresh = machine('fresh');
    const places = { '/mnt/backup': join(s.on.directory, 'mnt/offsite') };
    const block = await exampleOn(fresh, 'portfolio', places).follow('On a fresh machine', s.opens);
    expect(block.stdout + block.stderr).toContain('Restored');
    const out = join(fresh.work, 'recovered');
    expect(readdirSync(out).sort()).toEqual(['config', 'portfolio', 'strategies', 'trading_history']);
    expect(readdirSync(join(out, 'trading_history/data/trades'))).toEqual(['day-1.csv', 'day-2.csv']);
    expect(readFileSync(join(out, 'config/config.toml'), 'utf8')).toContain('max_positions = 3');
  });

  it('is drilled on a machine with a key, which finds a state that does not parse', async () => {
    const desk = machine('desk');
    const there = exampleOn(desk, 'portfolio', { '/mnt': join(s.on.directory, 'mnt') });
    desk.write('strongroom.yaml', readFileSync(join(s.on.work, 'strongroom.yaml')), 0o644);
    const [, drill = ''] = /`(strongroom drill [^`]*)`/.exec(there.read('README.md')) ?? [];
    expect(await there.sh(drill, opens)).toMatchObject({ code: 0 });
    expect(readFileSync(join(desk.work, 'drill.md'), 'utf8')).toContain('state-parses');
    expect((await s.on.run(['drill', '--json'], { env: opens })).failure().code).toBe('drill-on-writer');

    s.on.write('data/portfolio_state.json', '{"day": 2');
    await s.on.ok(['backup', '--set', 'portfolio']);
    const ran = await desk.ok(['drill', '--set', 'portfolio', '--json'], { env: opens, code: 5 });
    const failed = ran.lines().filter((l) => l.message_type === 'check' && l.outcome === 'failed');
    expect(failed.map(({ check, subject }) => [check, subject])).toEqual([['command', 'state-parses']]);
    expect((await s.on.run(['health'])).code).toBe(5);
    trade(s, 2);
    await s.on.ok(['backup', '--set', 'portfolio']);
  });

  it('names the newest when it is damaged, and has the one before it', async () => {
    trade(s, 3);
    const made = (await s.on.ok(['backup', '--set', 'portfolio', '--json'])).summary().snapshot;
    damage(s.vault, made);
    const checked = await s.on.run(['verify', '--json'], { env: opens });
    expect([checked.code, checked.summary().bad]).toEqual([13, [made]]);
    const refused = await s.on.run(['restore', 'latest', '--set', 'portfolio', '--target', 'out'], {
      env: opens,
    });
    expect(refused.code).toBe(13);
    expect(existsSync(join(s.on.work, 'out'))).toBe(false);
    await s.on.ok(['restore', 'latest~1', '--set', 'portfolio', '--target', 'out'], { env: opens });
    expect(state(s, 'out/data').day).toBe(2);
  });
});

/** Changes a byte of what is stored of a snapshot. */
function damage(vault: string, id: string): void {
  const parts = readdirSync(join(vault, 'data/portfolio', id), { recursive: true, withFileTypes: true });
  const part = parts.find((e) => e.isFile() && e.name.startsWith('files'))!;
  const path = join(part.parentPath, part.name);
  chmodSync(path, 0o600);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
}

it('has settings that hold when their comment signs are taken away', async () => {
  const { on, example } = scene();
  const text = example.read('strongroom.yaml').replace(/^( *)# (?=(?:experiments|data|replicas): )/gm, '$1');
  expect(text).toMatch(/^ {2}data: /m);
  on.write('strongroom.yaml', text);
  await on.ok(['config', 'validate']);
});

describe('from a program', () => {
  let s: Scene;
  beforeAll(async () => {
    s = scene();
    await s.on.ok(['init', '--name', 'portfolio', '--passphrase'], { env: s.opens });
  });

  it('creates, lists, restores, verifies and deletes, as the commands see it', async () => {
    const source = "'data/portfolio_state.json'";
    const came = await s.app.run<Record<string, unknown>>(`${s.opening}
import { readFileSync, writeFileSync } from 'node:fs';
const {
  checkBackups, createBackup, deleteBackup, listBackups, restoreAsOf, restoreBackup, verifyBackup,
} = portfolio;
const day = (path) => JSON.parse(readFileSync(path, 'utf8')).day;
const empty = await checkBackups(backups);
const one = await createBackup(backups, 'portfolio', ${source}, 'Daily portfolio backup');
const config = await createBackup(backups, 'config', 'config.toml');
const between = new Date();
await new Promise((resolve) => setTimeout(resolve, 1001));
writeFileSync(${source}, JSON.stringify({ day: 2 }));
const two = await createBackup(backups, 'portfolio', ${source});
const well = [empty.ok, (await checkBackups(backups)).ok];
const missing = await createBackup(backups, 'data', 'data/market').catch((error) => error.message);

const listed = (await listBackups(backups, 'portfolio')).map((b) => b.id);
const all = (await listBackups(backups)).map((b) => b.id);
await restoreBackup(backups, one, 'restored');
const refused = await restoreBackup(backups, two, 'restored').catch((error) => error.code);
const before = day('restored/data/portfolio_state.json');
await restoreBackup(backups, two, 'restored', { overwrite: true });
const after = day('restored/data/portfolio_state.json');
const asOf = await restoreAsOf(backups, between, 'then');

const valid = await verifyBackup(backups, one);
await deleteBackup(backups, two);
print({
  one, config, two, missing, listed, all, refused, before, after, asOf, valid,
  past: day('then/portfolio/data/portfolio_state.json'),
  deleted: await verifyBackup(backups, two),
  well,
  problems: (await checkBackups(backups)).problems,
});`);
    const { one, two, config } = came;
    expect(came).toMatchObject({
      listed: [two, one],
      all: (came.all as string[]).toSorted().reverse(),
      refused: 'target-exists',
      before: 1,
      after: 2,
      asOf: expect.arrayContaining([one, config]),
      past: 1,
      valid: true,
      deleted: false,
      well: [false, true],
      problems: expect.arrayContaining(['data by trader-1: no snapshot is whole']),
      missing: expect.stringContaining('data/market'),
    });
    // The commands see the same, and take its overwriting back.
    expect(await ids(s, '--set', 'portfolio')).toEqual([one]);
    await s.on.ok(['restore', '--undo', '--target', 'restored', '--yes'], { env: s.opens });
    expect(state(s, 'restored/data').day).toBe(1);
    damage(s.vault, String(one));
    const code = `${s.opening}\nprint(await portfolio.verifyBackup(backups, ${JSON.stringify(one)}));`;
    expect(await s.app.run(code)).toBe(false);
  });

  it('compresses unless told not to', async () => {
    const code = `${s.opening}
for (const compress of [true, false])
  await portfolio.createBackup(await open({ compress }), 'experiments', 'experiments');
print((await portfolio.listBackups(backups, 'experiments')).map((b) => b.stored));`;
    const [plain = 0, compressed = 0] = await s.app.run<number[]>(code);
    expect(plain).toBeGreaterThan(compressed * 1.3);
  });
});

it('keeps 30 days, one a week for 90, and never fewer than five, over four months on a clock of their own', async () => {
  const s = scene();
  await s.on.ok(['init', '--name', 'portfolio', '--passphrase'], { env: s.opens });
  // 100 days, at first with one backup in three of them; a month in which nothing ran; then one more.
  const days = [...Array.from({ length: 100 }, (_, day) => day).filter((d) => d > 60 || d % 3 === 0), 130];
  const start = Math.floor(Date.now() / DAY) * DAY - 131 * DAY + 2 * HOUR;
  const made = await s.app.run<string[]>(`${s.opening}
const made = [];
for (const day of ${JSON.stringify(days)}) {
  const then = await open({ now: () => new Date(${start} + day * ${DAY}) });
  made.push(await portfolio.createBackup(then, 'portfolio', 'data/portfolio_state.json'));
}
print(made);`);
  expect(await ids(s, '--set', 'portfolio')).toEqual(made);

  const week = (day: number) => Math.floor(((start + day * DAY) / DAY + 3) / 7);
  const weeks = [...new Set(days.map(week))].slice(-13);
  const lastOfWeek = (day: number) =>
    weeks.includes(week(day)) && day === Math.max(...days.filter((d) => week(d) === week(day)));
  // After a gap the 30 days are those before it, until several came: the date of a single one may be wrong.
  const expected = days.flatMap((day, n) =>
    day === 130 || day >= 99 - 30 || lastOfWeek(day) ? made[n]! : [],
  );
  const planned = await s.on.ok(['prune', '--dry-run', '--json']);
  const going = planned.lines().filter((l) => l.message_type === 'remove');
  expect(going).toHaveLength(made.length - expected.length);
  expect(await ids(s, '--set', 'portfolio')).toEqual(made);
  await s.on.ok(['prune', '--yes']);
  expect(await ids(s, '--set', 'portfolio')).toEqual(expected);

  // Whatever the dates say: the floor.
  const removed = await s.app.run<number>(
    `${s.opening}\nprint(await portfolio.cleanUp(backups, { within: 3600000, minimum: 5 }));`,
  );
  expect(removed).toBe(expected.length - 5);
  expect(await ids(s, '--set', 'portfolio')).toEqual(made.slice(-5));
  expect((await s.on.ok(['verify', '--json'])).summary()).toMatchObject({ sound: true, snapshots: 5 });
});
