// examples/learner, lived through: an application whose state is in memory backs it up by type, loses it, has it back from the
// newest backup or from an older one, and is rolled back when a trade fails; with a clock of the test's where days pass.

import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Example, exampleOn } from '../support/examples.ts';
import { type Machine, machines, PASSPHRASE } from '../support/program.ts';
import { s3Ground, skipS3 } from '../support/s3.ts';
import { type Application, clockSet, shippedLibrary } from '../support/shipped.ts';

const machine = machines();
const library = shippedLibrary();
const DAY = 24 * 3_600_000;
/** The snapshot that the README names. */
const SOME = '20261120T055812Z-7k3f9q';

interface Scene {
  readonly on: Machine;
  readonly example: Example;
  readonly app: Application;
  readonly vault: string;
  readonly spare: string;
  readonly opens: Record<string, string>;
  /** What an application says first: the module, `backups`, what it was told, and a state. */
  opening(options?: string): string;
}

/**
 * A machine with the example's files, and a vault as the README sets it up or, which is sooner there, with an age key.
 * @param bucket what stands for the bucket of the README
 */
async function scene({ bucket = 's3://acme-copies/learner', byReadme = false } = {}): Promise<Scene> {
  const on = machine('learner-1');
  const mnt = join(on.directory, 'mnt');
  const secret = on.passphrase();
  const example = exampleOn(on, 'learner', {
    '/mnt': mnt,
    '/var/lib/strongroom': on.state,
    '/run/secrets/learner': secret,
    's3://acme-copies/learner': bucket,
  });
  for (const file of ['strongroom.yaml', 'backups.mjs']) example.copy(file);
  on.write('config.toml', '[risk]\nmax_positions = 2\n');
  const vault = join(mnt, 'backup/learner');
  const me = await on.identity();
  if (byReadme) await example.follow('Set-up', { STRONGROOM_NEW_PASSPHRASE_FILE: secret });
  else await example.sh(`strongroom init --recipient ${me.recipient} | grep '^pin:' >> strongroom.yaml`);
  const given = `stateDirectory: ${JSON.stringify(on.state)}, passphrase: async () => ${JSON.stringify(PASSPHRASE)}`;
  return {
    on,
    example,
    app: library(on),
    vault,
    spare: join(mnt, 'spare/learner'),
    opens: byReadme ? { STRONGROOM_PASSPHRASE_FILE: secret } : { STRONGROOM_IDENTITY_FILE: me.file },
    opening: (options = '') => `import * as learner from ${JSON.stringify(join(on.work, 'backups.mjs'))};
const told = [];
const open = (more) =>
  learner.openBackups(${JSON.stringify(vault)}, { ${given}, onProblem: (text) => told.push(text), ...more });
const backups = await open({ ${options} });
const state = ${JSON.stringify(stateAfter(1))};`,
  };
}

/** What the application holds after so many days. */
function stateAfter(day: number) {
  return {
    'portfolio.json': { equity: 10_000 + day, positions: [{ symbol: 'BTC/USD', size: day / 10 }] },
    'history.json': { trades: Array.from({ length: day * 20 }, (_, n) => ({ n, price: 50_000 + n })) },
    'config.json': { strategy: 'ma_crossover', risk_per_trade: 0.01 },
    'learned.json': { statistics: { win_rate: 0.65 } },
  };
}

async function snapshots({ on }: Pick<Scene, 'on'>, ...args: string[]) {
  const lines = (await on.ok(['list', '--set', 'state', '--json', ...args])).lines();
  return lines.filter((l) => l.message_type === 'snapshot');
}

/** Changes a byte of what is stored of a snapshot: of its files, or of its record. */
function damage(vault: string, id: string, what: 'files' | 'record'): void {
  const path =
    what === 'record'
      ? join(vault, 'snapshots/state', `${id}.json`)
      : readdirSync(join(vault, 'data/state', id), { recursive: true, withFileTypes: true })
          .filter((e) => e.isFile() && e.name.startsWith('files'))
          .map((e) => join(e.parentPath, e.name))[0]!;
  chmodSync(path, 0o600);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
}

describe('the application', () => {
  let s: Scene;
  beforeAll(async () => {
    s = await scene({ byReadme: true });
  });

  it('backs its state up as the README has it, by type, and rolls a trade that fails back', async () => {
    const [code = ''] = s.example.blocks('In the application', 'js');
    const cameTo = await s.app.run(`const executeTrade = async (state) => {
  state['portfolio.json'].cash = 0;
  state['portfolio.json'].positions.push({ symbol: 'ETH/USD', size: 3 });
  throw new Error('the exchange said no');
};
let refused;
${code.replace(/^await atRisk.*$/m, (line) => {
  expect(line).toContain('executeTrade(state)');
  return `const held = state['portfolio.json'];
${line.replace(/;$/, '')}.catch((error) => { refused = error.message; });
stop();
print({ refused, portfolio: state['portfolio.json'], isSame: held === state['portfolio.json'], found: found ?? null });`;
})}`);
    expect(cameTo).toEqual({
      refused: 'the exchange said no',
      portfolio: { equity: 10_000, cash: 5000, positions: [{ symbol: 'BTC/USD', size: 0.1 }] },
      isSame: true,
      found: null,
    });
    const made = await snapshots(s);
    expect(made.map((l) => l.tags.type)).toEqual(['manual', 'pre_trade']);
    expect(made.every((l) => l.complete)).toBe(true);
  });

  it('has the newest back, or one by its id, and lists, verifies and deletes', async () => {
    const came = await s.app.run<Record<string, unknown>>(`${s.opening()}
const { createBackup, deleteBackup, listBackups, restoreBackup, restoreLatest, verifyBackup } = learner;
const one = await createBackup(backups, state, 'automatic');
state['portfolio.json'].equity = 7;
const two = await createBackup(backups, state, 'manual');
const latest = await restoreLatest(backups);
print({
  one, two,
  latest: [latest.id, latest.state['portfolio.json'].equity],
  automatic: (await restoreLatest(backups, 'automatic')).id,
  byId: await restoreBackup(backups, one),
  manual: (await listBackups(backups, 'manual')).map((b) => b.id).at(0),
  valid: await verifyBackup(backups, one),
  deleted: await deleteBackup(backups, two),
  gone: [await verifyBackup(backups, two), (await listBackups(backups)).at(0).id],
  told,
});`);
    const { one, two } = came;
    expect(came).toMatchObject({
      latest: [two, 7],
      automatic: one,
      byId: stateAfter(1),
      manual: two,
      valid: true,
      gone: [false, one],
      told: [],
    });
  });

  it('is given an older state when the newest is damaged, and is told so', async () => {
    const before = (await snapshots(s)).at(-1)?.id;
    const made = await s.app.run<string[]>(`${s.opening()}
const made = [];
for (const day of [2, 3, 4]) {
  made.push(await learner.createBackup(backups, { 'portfolio.json': { day } }, 'automatic'));
}
print(made);`);
    const [files = '', gone = '', record = ''] = made;
    damage(s.vault, files, 'files');
    damage(s.vault, record, 'record');
    rmSync(join(s.vault, 'data/state', gone), { recursive: true });
    const refused = await s.on.run(['restore', 'latest', '--set', 'state', '--target', 'no'], {
      env: s.opens,
    });
    expect([refused.code, existsSync(join(s.on.work, 'no'))]).toEqual([13, false]);
    const came = await s.app.run<Record<string, unknown>>(`${s.opening()}
const { id, state: found } = await learner.restoreLatest(backups);
const said = [...told];
const code = await learner.restoreBackup(backups, ${JSON.stringify(files)}).catch((error) => error.code);
print({ id, found, said, code, valid: await learner.verifyBackup(backups, ${JSON.stringify(files)}) });`);
    expect(came).toMatchObject({
      id: before,
      found: stateAfter(1),
      said: expect.arrayContaining([
        expect.stringContaining(record),
        expect.stringContaining(`${gone} cannot be restored`),
        expect.stringContaining(`${files} cannot be restored`),
      ]),
      code: expect.any(String),
      valid: false,
    });
  });
});

describe('the commands', () => {
  it('list, show, compare, verify, restore and remove what the application made', async () => {
    const s = await scene();
    const [first = ''] = await s.app.run<string[]>(`${s.opening()}
const made = [await learner.createBackup(backups, state, 'manual', 'before the new features')];
state['config.json'].risk_per_trade = 0.02;
made.push(await learner.createBackup(backups, state, 'pre_trade'));
print(made);`);
    const { stdout } = await s.example.sh(
      s.example.blocks('From the command line').join('').replaceAll(SOME, first),
      s.opens,
    );
    expect(stdout).toMatch(/config: \S+ \(2 files/);
    expect(stdout).toContain('risk_per_trade');
    expect(stdout).toContain(JSON.stringify(stateAfter(1)['portfolio.json'], null, 2));
    const restored = (at: string) => JSON.parse(readFileSync(join(s.on.work, at, 'config.json'), 'utf8'));
    expect([restored('restored').risk_per_trade, restored('older').risk_per_trade]).toEqual([0.02, 0.01]);

    const upkeep = await s.example.sh(s.example.blocks('Upkeep').join('').replaceAll(SOME, first), s.opens);
    expect(upkeep).toMatchObject({ code: 0 });
    expect((await snapshots(s)).map((l) => l.tags.type)).toEqual(['pre_trade']);
    const [, well = ''] = s.example.blocks('Is it running?').join('').split('\n');
    expect((await s.example.sh(well)).stdout).toContain('Nothing is wrong.');
    const late = await s.on.run(['health', '--max-age', '26h'], { env: clockSet(27 * 3_600_000) });
    expect(late.code).toBe(5);
  });

  it('drill the state, which no configuration names, where a key is', async () => {
    const s = await scene();
    await s.app.run(`${s.opening()}
for (const type of ['manual', 'automatic']) await learner.createBackup(backups, state, type);
print();`);
    const desk = machine('desk');
    const there = exampleOn(desk, 'learner', {});
    desk.write('strongroom.yaml', readFileSync(join(s.on.work, 'strongroom.yaml')), 0o644);
    const drills = [...there.read('README.md').matchAll(/`(strongroom drill [^`]*)`/g)];
    expect(drills).toHaveLength(2);
    for (const [, line = ''] of drills) {
      const { stdout, stderr, code } = await there.sh(line, s.opens);
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
      expect(stdout).toMatch(/state/);
    }
    damage(s.vault, String((await snapshots(s)).at(-1)?.id), 'files');
    expect(await there.sh(drills[0]![1]!, s.opens)).toMatchObject({ code: 5 });
  });

  it('schedule a look at whether backups come', async () => {
    const s = await scene();
    const [line = ''] = s.example.blocks('Is it running?').join('').split('\n');
    const { stdout } = await s.example.sh(`${line} --format cron --dry-run`);
    const [, command = ''] = /^\d+ \S+ \* \* \* (?:root )?(.*)$/m.exec(stdout) ?? [];
    // Nothing was backed up yet, and that is what it says.
    const ran = await s.example.sh(command);
    expect([ran.code, ran.stdout]).toEqual([5, expect.stringContaining('has no snapshot')]);
  });
});

it('every night at two it backs up by itself', async () => {
  const s = await scene();
  const almost = new Date();
  // A machine of the test's is in UTC.
  almost.setUTCHours(1, 59, 58, 0);
  if (almost.getTime() > Date.now()) almost.setTime(almost.getTime() - DAY);
  const came = await s.app.run<unknown>(
    `${s.opening()}
const calls = [];
const id = await new Promise((resolve, reject) => {
  const stop = learner.everyDayAt(2, 0, () => {
    calls.push(new Date().toISOString().slice(11, 16));
    learner.createBackup(backups, state, 'scheduled').then(resolve, reject).finally(stop);
  });
});
print({ id, calls });`,
    clockSet(almost.getTime() - Date.now() + 500),
  );
  const [made] = await snapshots(s);
  expect(came).toEqual({ id: made?.id, calls: ['02:00'] });
  expect(made?.tags).toEqual({ type: 'scheduled' });
});

it('each backup removes what is older than 30 days, and none of the five newest, whatever the dates say', async () => {
  const s = await scene();
  const start = Date.now() - 120 * DAY;
  const at = (day: string) => `await open({ now: () => new Date(${start} + ${day} * ${DAY}) })`;
  const came = await s.app.run<Record<string, string[]>>(`${s.opening()}
const made = [];
const create = async (day) => made.push(await learner.createBackup(${at('day')}, state, 'scheduled'));
const left = async () => (await learner.listBackups(backups)).map((b) => b.id).reverse();
for (let day = 0; day < 34; day++) await create(day);
const month = await left();
// An outage, then one: its date may be wrong, so that nothing goes. Then a week of them.
await create(90);
const afterOutage = await left();
for (let day = 91; day < 99; day++) await create(day);
const settled = await left();
const now = ${at('99')};
await learner.cleanUp(now, { within: 2 * ${DAY}, minimum: 5 });
const floor = await left();
await learner.cleanUp(now, { within: 2 * ${DAY} });
print({ made, month, afterOutage, settled, floor, days: await left(), told });`);
  const { made = [] } = came;
  expect(came).toMatchObject({
    month: made.slice(3, 34),
    afterOutage: made.slice(3, 35),
    settled: made.slice(34),
    floor: made.slice(-5),
    days: made.slice(-3),
    told: [],
  });
});

it('compresses unless told not to', async () => {
  const s = await scene();
  const stored = await s.app.run<number[]>(`${s.opening()}
state['history.json'] = ${JSON.stringify(stateAfter(50)['history.json'])};
await learner.createBackup(backups, state, 'manual');
await learner.createBackup(await open({ compress: false }), state, 'manual');
print((await learner.listBackups(backups)).map((b) => b.stored));`);
  const [plain = 0, compressed = 0] = stored;
  expect(plain).toBeGreaterThan(compressed * 2);
});

it('backs up to the spare place while the first one is gone, and brings that home', async () => {
  const s = await scene();
  const spare = `spare: ${JSON.stringify(s.spare)}`;
  await s.app.run(`${s.opening()}\nprint(await learner.createBackup(backups, state, 'automatic'));`);
  await s.on.ok(['copy', '--to', s.spare]);
  renameSync(s.vault, `${s.vault}.away`);
  const { id, told } = await s.app.run<{ id: string; told: string[] }>(
    `${s.opening(spare)}\nprint({ id: await learner.createBackup(backups, state, 'automatic'), told });`,
  );
  expect(told[0]).toContain(`backing up to ${s.spare}`);
  renameSync(`${s.vault}.away`, s.vault);
  expect((await snapshots(s)).map((l) => l.id)).not.toContain(id);
  const [, home = ''] = /`(strongroom copy --location [^`]*)`/.exec(s.example.read('README.md')) ?? [];
  const mnt = join(s.on.directory, 'mnt');
  expect(await s.example.sh(home.replaceAll('/mnt', mnt))).toMatchObject({ code: 0 });
  expect((await snapshots(s)).map((l) => l.id)).toContain(id);
});

describe.skipIf(skipS3)('a bucket', () => {
  const bucket = s3Ground();

  it('holds a copy, from which a fresh machine restores', async () => {
    const place = await bucket();
    const s = await scene({ bucket: place.location, byReadme: true });
    await s.app.run(`${s.opening()}\nprint(await learner.createBackup(backups, state, 'automatic'));`);
    await s.example.follow('Off site', place.env());
    const fresh = machine('fresh');
    const args = ['--location', place.location, '--set', 'state', '--target', 'out'];
    await fresh.ok(['restore', ...args], { env: { ...place.env(), STRONGROOM_PASSPHRASE: PASSPHRASE } });
    const restored = Object.keys(stateAfter(1)).map((name) => [
      name,
      JSON.parse(readFileSync(join(fresh.work, 'out', name), 'utf8')),
    ]);
    expect(Object.fromEntries(restored)).toEqual(stateAfter(1));
  });
});
