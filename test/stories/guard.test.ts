// Deploys that go wrong, under a guard: by their exit code, by a probe, by a signal, or by a guard that is killed.

import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { everything } from '../pack/guard/scenes.ts';
import { type Machine, machines, type Ran } from '../support/program.ts';

const machine = machines();
const isRoot = process.getuid!() === 0;
const canMount = isRoot && spawnSync('unshare', ['-m', 'true']).status === 0;
const LONG = process.env.STRONGROOM_LONG === '1';
const MOMENTS = LONG ? 50 : 3;
/** Variants of what the others show. */
const variant = it.runIf(LONG);

/** A machine with a vault, a configuration and an app of some files. */
async function deployed(files = 12): Promise<{ on: Machine; app: string; vault: string }> {
  const on = machine('web-1');
  const vault = join(on.directory, 'vault');
  const app = join(on.directory, 'srv', 'app');
  mkdirSync(app, { recursive: true, mode: 0o755 });
  for (let i = 0; i < files; i++) {
    mkdirSync(join(app, `d${i % 3}`), { recursive: true });
    writeFileSync(join(app, `d${i % 3}`, `f${i}`), `old ${i}\n`.repeat(50), { mode: i % 2 ? 0o640 : 0o600 });
  }
  writeFileSync(join(app, '.env'), 'DB_PASSWORD=old\n', { mode: 0o600 });
  writeFileSync(join(app, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  mkdirSync(join(app, 'empty'), { mode: 0o711 });
  const config = join(on.work, 'strongroom.yaml');
  const me = await on.identity();
  await on.ok(['init', '--name', 'shop', '--location', vault, '--recipient', me.recipient]);
  const text = readFileSync(config, 'utf8').replace(/\nsets:[\s\S]*$/, '\n');
  writeFileSync(config, `${text}\nsets: { app: { root: ${app}, include: [.] } }\n`, { mode: 0o600 });
  return { on, app, vault };
}

/** As a person does who has looked at it. */
function removeAside(on: Machine): void {
  for (const name of readdirSync(on.state).filter((one) => one.startsWith('.strongroom-undo-')))
    rmSync(join(on.state, name, 'added'), { recursive: true, force: true });
}

const guard = (on: Machine, script: string, flags: string[] = []): Promise<Ran> =>
  on.run(['guard', ...flags, '--', 'sh', '-c', script]);

/** What a guard leaves, in the state directory or beside the app: absolute. */
const left = (on: Machine, app: string) =>
  [on.state, join(app, '..')]
    .flatMap((at) => readdirSync(at).map((name) => join(at, name)))
    .filter((path) => path.includes('.strongroom-'));

describe('a deploy under guard', () => {
  let on: Machine;
  let app: string;
  let before: Record<string, string>;

  beforeAll(async () => {
    ({ on, app } = await deployed());
    before = everything(app);
  });

  const wreck = (status = 7) =>
    `cd ${app}; echo new > .env; rm -rf d0; chmod 777 run.sh; mkdir new; echo x > new/x; rmdir empty; exit ${status}`;

  it('that goes well is left as it is, and nothing of the guard stays', async () => {
    const other = await deployed();
    const ran = await guard(other.on, `echo new > ${other.app}/.env; echo said; cat >&2 </dev/null; umask`, [
      '--json',
    ]);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toBe('said\n0022\n');
    expect(ran.stderr).toMatch(/"message_type":"summary".*"rolled_back":false/);
    expect(readFileSync(join(other.app, '.env'), 'utf8')).toBe('new\n');
    expect(left(other.on, other.app)).toEqual([]);
    expect(readdirSync(join(other.on.state, 'guards'))).toEqual([]);
    const [snapshot] = (await other.on.ok(['list', '--json'])).lines();
    expect(snapshot).toMatchObject({ set: 'app', complete: true, tags: { guard: 'true' } });
  });

  it('that fails is undone, and its exit code passed on', async () => {
    const ran = await guard(on, wreck());
    expect(ran.code, ran.stderr).toBe(7);
    expect(everything(app)).toEqual(before);
    expect(ran.stderr).toMatch(/put back: \.env/);
    expect(ran.stderr).toMatch(/moved aside: new, to /);
    expect(ran.stderr).toMatch(/error: the command ended with exit code 7; \d+ entries put back/);
    expect(ran.stderr).not.toMatch(/DB_PASSWORD|old 1/);
    const [, to = ''] = /moved aside: new, to (\S+)/.exec(ran.stderr) ?? [];
    expect(readFileSync(join(to, 'x'), 'utf8')).toBe('x\n');
    // A good one says where that is, and leaves it there.
    const good = await guard(on, 'true');
    expect([good.code, good.stderr]).toEqual([0, expect.stringContaining('until you remove it')]);
    expect(readFileSync(join(to, 'x'), 'utf8')).toBe('x\n');
    const doctor = await on.run(['doctor']);
    expect(doctor.stdout + doctor.stderr).toMatch(
      /warning +guarded deploys: what they moved aside is still in \S+added/,
    );
    removeAside(on);
    await on.ok(['guard', '--', 'true']);
    expect(left(on, app)).toEqual([]);
  });

  variant('says the same to programs', async () => {
    const ran = await guard(on, wreck(), ['--json']);
    const lines = ran.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.filter((line) => line.message_type === 'put_back')).toContainEqual({
      message_type: 'put_back',
      set: 'app',
      root: app,
      path: '.env',
    });
    expect(lines.at(-1)).toMatchObject({ message_type: 'exit_error', code: 'command-failed', exit_code: 7 });
    expect(everything(app)).toEqual(before);
    removeAside(on);
    await guard(on, 'true');
  });

  it('that is killed by a signal is undone', async () => {
    expect((await guard(on, `echo new > ${app}/.env; kill -TERM $$`)).code).toBe(143);
    expect(everything(app)).toEqual(before);
  });

  it('that cannot be started changes nothing: 125', async () => {
    const snapshots = async () => (await on.ok(['list', '--json'])).lines().length;
    const earlier = await snapshots();
    for (const [program, where] of [
      ['no-such-program', 'on the PATH'],
      ['./deploy.sh', `in "${on.work}"`],
    ] as const) {
      const ran = await on.run(['guard', '--', program]);
      expect(ran.code).toBe(125);
      expect(ran.stderr).toContain(`the command was not started: "${program}" is no program ${where}`);
      const dry = await on.run(['guard', '--dry-run', '--', program]);
      expect(dry.code).toBe(125);
    }
    // It is known before there is any snapshot for its sake.
    expect(await snapshots()).toBe(earlier);
    expect(left(on, app)).toEqual([]);
  });

  it('whose probe hangs is undone when the time is up', async () => {
    const began = performance.now();
    const probe = [
      '--health-command',
      'sleep 60 & wait',
      '--timeout',
      '200ms',
      '--retries',
      '1',
      '--interval',
      '0s',
    ];
    const ran = await guard(on, wreck(0), probe);
    expect(ran.code).toBe(5);
    expect(ran.stderr).toContain('the probe failed, 2 times: it took longer than 200 ms');
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(everything(app)).toEqual(before);
    removeAside(on);
    await guard(on, 'true');
  });

  variant('whose probe is well at the third try stays', async () => {
    const tries = join(on.directory, 'tries');
    const line = `echo try >> ${tries}; test $(wc -l < ${tries}) -ge 3`;
    const probe = ['--health-command', line, '--interval', '10ms'];
    const ran = await guard(on, 'true', probe);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('the probe was well at try 3');
    expect(left(on, app)).toEqual([]);
  });

  it('is asked after at a URL', async () => {
    let asked = 0;
    const server = createServer((_, answer) => {
      answer.writeHead(++asked % 3 === 0 ? 204 : asked % 3 === 1 ? 503 : 302, { location: '/' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
    try {
      const probe = ['--health-url', url, '--interval', '10ms'];
      expect((await guard(on, 'true', probe)).code).toBe(0);
      expect(asked).toBe(3);
      const ran = await guard(on, wreck(0), [...probe, '--retries', '1']);
      expect(ran.code).toBe(5);
      expect(ran.stderr).toContain('it answered 302');
      expect(everything(app)).toEqual(before);
    } finally {
      server.close();
    }
    if (LONG) {
      const gone = await guard(on, wreck(0), ['--health-url', url, '--retries', '0']);
      expect(gone.code).toBe(5);
      expect(gone.stderr).toContain('there was no answer');
    }
    removeAside(on);
    await guard(on, 'true');
  });

  it('that cannot be as asked is not begun: 125', async () => {
    for (const args of [
      ['--', ...[]],
      ['--set', 'nope', '--', 'true'],
      ['--health-url', 'file:///etc/passwd', '--', 'true'],
      ['--timeout', '5', '--', 'true'],
      ['--grace', '1', '--', 'true'],
      ['--retries', 'x', '--', 'true'],
    ])
      expect((await on.run(['guard', ...args])).code, args.join(' ')).toBe(125);
    expect((await on.run(['guard', '--timeout', '5', '--', 'true'])).stderr).toContain('such as 500ms, 30s');
  });

  variant('is undone even where nobody hears of it', async () => {
    const script = `${on
      .argv(['guard', '--', 'sh', '-c', wreck()])
      .map((word) => `'${word}'`)
      .join(' ')} 2>/dev/full >/dev/full`;
    const ran = spawnSync('sh', ['-c', script], { cwd: on.work, env: on.env() });
    expect(ran.status).not.toBe(0);
    expect(everything(app)).toEqual(before);
    removeAside(on);
    expect((await guard(on, 'true')).code).toBe(0);
    // The disk that it goes to fills up while the command runs.
    const under = [
      'unshare',
      '-m',
      'sh',
      '-c',
      `mount -t tmpfs -o size=1m none ${on.directory}/tmp && exec "$@" 2>>${on.directory}/tmp/log >&2`,
      'sh',
    ];
    if (canMount) {
      const full = `dd if=/dev/zero of=${on.directory}/tmp/fill bs=4k 2>&-; head -c 5000 /dev/zero >> ${on.directory}/tmp/log 2>&-; `;
      const late = await on.run(['guard', '--', 'sh', '-c', full + wreck()], { under });
      expect(late.code).not.toBe(0);
      expect(everything(app)).toEqual(before);
      removeAside(on);
      expect((await guard(on, 'true')).code).toBe(0);
    }
  });

  it('only shows what it would do in a dry run', async () => {
    const ran = await on.ok(['guard', '--dry-run', '--', 'rm', '-rf', app]);
    expect(ran.stderr).toContain('.env\n');
    expect(ran.stderr).toContain(`and run rm -rf ${app}`);
    expect(everything(app)).toEqual(before);
  });

  it('is not begun where a file cannot be taken, unless that is allowed', async () => {
    const other = await deployed(3);
    const { vault } = other;
    const config = join(other.on.work, 'strongroom.yaml');
    const text = readFileSync(config, 'utf8').replace('include: [.]', 'include: [., gone.pem]');
    writeFileSync(config, text);
    const ran = await guard(other.on, `touch ${other.app}/ran`);
    expect(ran.code).toBe(125);
    expect(ran.stderr).toContain('gone.pem');
    expect(existsSync(join(other.app, 'ran'))).toBe(false);
    const dry = await other.on.run(['guard', '--dry-run', '--', 'true']);
    expect([dry.code, dry.stderr]).toEqual([125, expect.stringContaining('gone.pem')]);
    const allowed = await guard(other.on, `touch ${other.app}/ran; exit 3`, ['--allow-incomplete']);
    expect(allowed.code).toBe(3);
    expect(existsSync(join(other.app, 'ran'))).toBe(false);
    if (!LONG) return;
    // Nor without a vault, or without a pin.
    const lost = await other.on.run(['guard', '--location', join(vault, 'no'), '--', 'true']);
    expect(lost.code).toBe(125);
    writeFileSync(config, text.replace(/^pin:.*$/m, ''));
    rmSync(other.on.state, { recursive: true });
    const unpinned = await guard(other.on, 'true');
    expect(unpinned.code).toBe(125);
  });

  it('that is interrupted is ended and undone: 130', async () => {
    for (const signal of LONG ? (['SIGTERM', 'SIGINT', 'SIGHUP'] as const) : (['SIGTERM'] as const)) {
      const [node = '', ...args] = on.argv(['guard', '--', 'sh', '-c', `echo new > ${app}/.env; sleep 60`]);
      const child = spawn(node, args, { cwd: on.work, env: on.env(), stdio: 'ignore', detached: true });
      const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
      while (readFileSync(join(app, '.env'), 'utf8') !== 'new\n') await wait(20);
      child.kill(signal);
      expect(await ended, signal).toBe(130);
      expect(everything(app)).toEqual(before);
      expect(left(on, app)).toEqual([]);
    }
  });

  variant('is not begun while another guard is at work there', async () => {
    const flag = join(on.directory, 'go-on');
    const first = guard(on, `touch ${flag}.began; while ! test -e ${flag}; do sleep 0.05; done`);
    while (!existsSync(`${flag}.began`)) await wait(20);
    const second = await guard(on, 'true');
    expect(second.code).toBe(125);
    expect(second.stderr).toContain('another guard is under way');
    writeFileSync(flag, '');
    expect((await first).code).toBe(0);
    expect(left(on, app)).toEqual([]);
  });

  variant('is tagged with the commit', async () => {
    const other = await deployed(3);
    const git = (...args: string[]) =>
      spawnSync('git', ['-C', other.app, '-c', 'user.name=x', '-c', 'user.email=x@x', ...args], {
        encoding: 'utf8',
      });
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'x');
    const commit = git('rev-parse', 'HEAD').stdout.trim();
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    await guard(other.on, 'true');
    const [snapshot] = (await other.on.ok(['list', '--json'])).lines();
    expect(snapshot!.tags).toMatchObject({ 'git-commit': commit });
  });

  variant('gives the command none of our secrets', async () => {
    const ran = await on.run(['guard', '--', 'env'], { env: { STRONGROOM_PASSPHRASE: 'staple orbit' } });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('PATH=');
    expect(ran.stdout).not.toContain('staple orbit');
  });
});

describe('a guard that is killed', () => {
  it('while the command runs, leaves all as it is until somebody has decided', async () => {
    const { on, app } = await deployed(4);
    const before = everything(app);
    const killed = async () => {
      const script = `echo new > ${app}/.env; kill -9 $PPID`;
      expect((await on.run(['guard', '--', 'sh', '-c', script])).signal).toBe('SIGKILL');
      expect(readFileSync(join(app, '.env'), 'utf8')).toBe('new\n');
      expect(left(on, app)).toHaveLength(1);
    };
    await killed();
    const refused = await guard(on, 'true');
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain('guard --recover');
    const backup = await on.ok(['backup']);
    expect(backup.stderr).toContain('was killed before it knew how its command ended');
    // What nobody has judged would be the newest snapshot: a timer says so too.
    const quiet = await on.ok(['backup', '--quiet']);
    expect(quiet.stderr).toContain('was killed before it knew how its command ended');
    const doctor = await on.run(['doctor']);
    expect([doctor.code, doctor.stdout]).toEqual([5, expect.stringContaining('guard --recover')]);
    await on.ok(['guard', '--recover']);
    expect(everything(app)).toEqual(before);
    expect(left(on, app)).toEqual([]);
    await killed();
    await on.ok(['guard', '--accept']);
    expect(readFileSync(join(app, '.env'), 'utf8')).toBe('new\n');
    expect(left(on, app)).toEqual([]);
    expect((await guard(on, 'true')).code).toBe(0);
  });

  it('is settled even where its command has removed the configuration, or put another one there', async () => {
    const { on, app } = await deployed(4);
    const before = everything(app);
    const config = join(on.work, 'strongroom.yaml');
    const text = readFileSync(config, 'utf8');
    const killed = async (act: string) => {
      writeFileSync(config, text, { mode: 0o600 });
      const script = `${act}; echo new > ${app}/.env; kill -9 $PPID`;
      expect((await on.run(['guard', '--', 'sh', '-c', script])).signal).toBe('SIGKILL');
    };
    await killed(`rm ${config}`);
    await on.ok(['guard', '--recover']);
    expect(everything(app)).toEqual(before);
    await killed(`echo '{' > ${config}`);
    const broken = await on.ok(['guard', '--recover']);
    expect(broken.stderr).toContain('every guard is settled');
    expect(everything(app)).toEqual(before);
    await killed(`sed -i 's|root: [^,]*|root: ${on.work}|' ${config}`);
    // It may be another deployment's: that is for people to say.
    const other = await on.run(['guard', '--recover']);
    expect(other.code, other.stderr).toBe(11);
    expect(other.stderr).toMatch(/1 guard is still open.*--config none/);
    expect(readFileSync(join(app, '.env'), 'utf8')).toBe('new\n');
    await on.ok(['guard', '--recover', '--config', 'none']);
    expect(everything(app)).toEqual(before);
    const none = await on.ok(['guard', '--recover', '--config', 'none']);
    expect(none.stderr).toContain('there was no guard to settle');
  });

  it('after its command has turned the link that the root is, is found by the next run', async () => {
    const { on, app } = await deployed(4);
    const current = join(app, '..', 'current');
    symlinkSync('app', current);
    const config = join(on.work, 'strongroom.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace(`root: ${app}`, `root: ${current}`));
    const before = everything(app);
    const turn = `mkdir ${app}2; echo new > ${app}/.env; ln -sfn app2 ${current}`;
    await on.run(['guard', '--', 'sh', '-c', `${turn}; kill -9 $PPID`]);
    expect((await guard(on, 'true')).code).toBe(125);
    await on.ok(['guard', '--recover']);
    expect(readlinkSync(current)).toBe('app');
    expect(everything(app)).toEqual(before);
  });

  it('at any moment of putting back, has it finished by the next run, whatever that is', async () => {
    const { on, app } = await deployed(60);
    // The command ends with somebody behind it who kills its guard, some seconds later.
    const script = (seconds: number) =>
      `cd ${app}; for f in d*/*; do echo new > $f.x; mv $f.x $f; done; rm -rf d1; echo x > added; echo new > .env; date +%s%N > ${on.directory}/ended; (sleep ${seconds}; kill -9 $PPID) >&- 2>&- & exit 9`;
    const before = everything(app);
    const old = contentsOf(app);
    const run = (seconds: number) => on.run(['guard', '--', 'sh', '-c', script(seconds)]);
    expect((await run(60)).code).toBe(9);
    const takes = Date.now() - Number(readFileSync(join(on.directory, 'ended'), 'utf8')) / 1e6;
    expect(everything(app)).toEqual(before);
    const next = [['guard', '--', 'true'], ['backup'], ['restore', '--recover', '--in-place']];
    let [killed, inside] = [0, 0];
    for (let i = 0; i < MOMENTS; i++) {
      const moment = (takes * (i + Math.random())) / MOMENTS;
      if ((await run(moment / 1000)).signal === 'SIGKILL') killed++;
      for (const [path, text] of Object.entries(contentsOf(app))) {
        if (!path.includes('.strongroom-')) expect([old[path], 'new\n', 'x\n'], path).toContain(text);
      }
      const phases = readdirSync(join(on.state, 'guards')).map((name) => name.replace(/^.*\./, ''));
      if (phases.includes('undoing')) inside++;
      if (phases.includes('running')) await on.ok(['guard', '--recover']);
      else await on.ok(next[i % next.length]!);
      expect(everything(app), `at ${moment} ms`).toEqual(before);
      removeAside(on);
      await on.ok(['guard', '--', 'true']);
      expect(left(on, app)).toEqual([]);
      expect(readdirSync(join(on.state, 'guards'))).toEqual([]);
    }
    expect(killed).toBeGreaterThan(MOMENTS / 4);
    if (LONG) expect(inside).toBeGreaterThan(0);
  }, 600_000);
});

function contentsOf(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  return Object.fromEntries(
    files.map((e) => [
      join(e.parentPath, e.name).slice(root.length + 1),
      readFileSync(join(e.parentPath, e.name), 'latin1'),
    ]),
  );
}

describe.runIf(isRoot)('for somebody who is not root', () => {
  const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];

  variant('directories that are closed, or were closed by the command, come back as they were', async () => {
    const { on, app } = await deployed(6);
    chmodSync(join(on.directory, '..'), 0o711);
    writeFileSync(join(app, 'd1', 'locked'), 'locked', { mode: 0o400 });
    chmodSync(join(app, 'd1'), 0o500);
    spawnSync('chown', ['-R', '65534:65534', on.directory]);
    const before = everything(app);
    const script = `cd ${app}; chmod 700 d1; rm -f d1/locked; echo x > d1/new; chmod 0 d1 d2 empty; chmod 400 .env; mkdir -p n/m; chmod 0 n; exit 4`;
    const ran = await on.run(['guard', '--', 'sh', '-c', script], { under: NOBODY });
    expect(ran.code, ran.stderr).toBe(4);
    expect(everything(app)).toEqual(before);
    const again = await on.run(['guard', '--', 'false'], { under: NOBODY });
    expect(again.stderr).toContain('it had changed no file of the set');
    expect(everything(app)).toEqual(before);
    removeAside(on);
    expect((await on.run(['guard', '--', 'true'], { under: NOBODY })).code).toBe(0);
    expect(left(on, app)).toEqual([]);
  });

  it.runIf(canMount)(
    'the copy goes into the root where nothing may be made beside it, and no snapshot takes it',
    async () => {
      const { on, app } = await deployed(3);
      chmodSync(join(on.directory, '..'), 0o711);
      spawnSync('chown', ['-R', '65534:65534', on.directory]);
      spawnSync('chown', ['0:0', join(app, '..')]);
      // Nor further up: that is another mount.
      const bind = `mount --bind ${join(app, '..')} ${join(app, '..')} && exec "$@"`;
      const under = ['unshare', '-m', 'sh', '-c', bind, 'sh', ...NOBODY];
      const seen = join(on.work, 'seen');
      const before = everything(app);
      const script = `ls -A ${app} > ${seen}; echo new > ${app}/.env; exit 4`;
      const ran = await on.run(['guard', '--', 'sh', '-c', script], { under });
      expect(ran.code, ran.stderr).toBe(4);
      expect(readFileSync(seen, 'utf8')).toMatch(/^\.strongroom-undo-/m);
      expect(everything(app)).toEqual(before);
      const killed = `kill -9 $PPID; echo new > ${app}/.env`;
      await on.run(['guard', '--', 'sh', '-c', killed], { under });
      const dry = await on.run(['backup', '--dry-run'], { under });
      expect(dry.stdout).not.toContain('before/');
      expect(dry.stdout).toContain('is what a guard keeps to undo a command with');
      expect((await on.run(['guard', '--recover'], { under })).code).toBe(0);
      expect(everything(app)).toEqual(before);
      // A command that goes through all files changes the copy as well: that is no success.
      const sed = `find ${app} -name .env -exec sed -i s/old/new/ {} +; exit 7`;
      const both = await on.run(['guard', '--', 'sh', '-c', sed], { under });
      expect(both.code, both.stderr).toBe(126);
      expect(both.stderr).toMatch(/the copy '.*before\/app\/\.env' is not what was kept/);
      expect(both.stderr).not.toContain('put back as before');
      expect(readdirSync(app).filter((name) => name.startsWith('.strongroom-undo-'))).toHaveLength(1);
    },
  );
});

describe.runIf(canMount)('on other mounts', () => {
  /** In a mount namespace of its own, in which a line of shell has mounted things. */
  const mounted = (line: string) => ['unshare', '-m', 'sh', '-c', `${line} && exec "$@"`, 'sh'];

  it('a bind-mounted file is written inside, and a mount below the root keeps its own copy', async () => {
    const { on, app } = await deployed(3);
    const outside = join(on.directory, 'outside');
    writeFileSync(outside, 'secret', { mode: 0o640 });
    writeFileSync(join(app, 'bound'), '', { mode: 0o600 });
    mkdirSync(join(app, 'disk'));
    const mounts = `mount --bind ${outside} ${app}/bound && mount -t tmpfs -o size=4m,mode=750 none ${app}/disk && mkdir ${app}/disk/sub && echo old > ${app}/disk/sub/f && touch -d @1000000000 ${app}/disk/sub ${app}/disk/sub/f ${app}/disk`;
    const look = `find ${app} -not -path '*undo*' -printf '%p %m %U:%G %Ts %l\\n' | sort; cat ${app}/bound ${app}/disk/sub/f`;
    const script = `cd ${app}; ls -A disk > ${on.directory}/seen; echo new > bound; chmod 777 bound; rm -r disk/sub; echo x > disk/x; echo n > .env; exit 4`;
    const after = `"$@"; s=$?; (${look}) > ${on.directory}/b; exit $s`;
    const under = [
      'unshare',
      '-m',
      'sh',
      '-c',
      `${mounts} && { (${look}) > ${on.directory}/a; ${after}; }`,
      'sh',
    ];
    const ran = await on.run(['guard', '--', 'sh', '-c', script], { under });
    expect(ran.code, ran.stderr).toBe(4);
    expect(ran.stderr).toContain('is a mount point, so it was written inside');
    expect(readFileSync(join(on.directory, 'seen'), 'utf8')).toMatch(/^\.strongroom-undo-/m);
    const seen = (name: string) => readFileSync(join(on.directory, name), 'utf8');
    expect(seen('a')).toContain('secret');
    expect(seen('b')).toBe(seen('a'));
    expect(readFileSync(outside, 'utf8')).toBe('secret');
  });

  it("that are somebody else's altogether, root keeps no copy that he could swap: 125", async () => {
    const { on, app } = await deployed(3);
    const under = mounted(`mount -t tmpfs -o mode=755,uid=65534 none ${app} && touch ${app}/.env`);
    const ran = await on.run(['guard', '--', 'touch', join(on.directory, 'ran')], { under });
    expect(ran.code, ran.stderr).toBe(125);
    expect(ran.stderr).toContain('sudo -u app strongroom guard');
    expect(existsSync(join(on.directory, 'ran'))).toBe(false);
  });

  variant('a disk with no room for the copy is told of before anything runs: 125', async () => {
    const { on, app } = await deployed(3);
    writeFileSync(join(on.directory, 'big'), Buffer.alloc(3 << 20, 1));
    const under = mounted(`mount -t tmpfs -o size=5m none ${app} && cp ${on.directory}/big ${app}/big`);
    const ran = await on.run(['guard', '--', 'touch', join(on.directory, 'ran')], { under });
    expect(ran.code, ran.stderr).toBe(125);
    expect(ran.stderr).toContain('no space left');
    expect(existsSync(join(on.directory, 'ran'))).toBe(false);
  });

  variant('a disk that the command has filled up does not keep the files from coming back', async () => {
    const { on, app } = await deployed(3);
    writeFileSync(join(on.directory, 'big'), Buffer.alloc(1 << 20, 1));
    const look = `cd / && find ${app} -type f -not -path '*undo*' | sort | xargs md5sum`;
    const mounts = `mount -t tmpfs -o size=5m none ${app} && cp ${on.directory}/big ${app}/big && mkdir ${app}/d && echo x > ${app}/d/x && chmod 755 ${app}/d/x`;
    const script = `cd ${app}; (${look}) > ${on.directory}/a; echo new > big; rm -r d; dd if=/dev/zero of=fill bs=64k 2>&-; dd if=/dev/zero of=fill2 bs=1k 2>&-; exit 4`;
    const after = `"$@"; s=$?; (${look}) > ${on.directory}/b; exit $s`;
    const under = ['unshare', '-m', 'sh', '-c', `${mounts} && { ${after}; }`, 'sh'];
    const ran = await on.run(['guard', '--', 'sh', '-c', script], { under });
    expect(ran.code, ran.stderr).toBe(4);
    const seen = (name: string) => readFileSync(join(on.directory, name), 'utf8');
    expect(seen('a')).toContain('/d/x');
    expect(seen('b')).toBe(seen('a'));
  });

  /** A machine whose app, or only whose state directory, is on a small disk, which the command fills to the brim. */
  const filled = async (isAppThere: boolean, options: string) => {
    const { on, app } = await deployed(12);
    const small = join(on.directory, 'small');
    mkdirSync(small, { mode: 0o700 });
    const keep = isAppThere ? ` && cp -a ${app}/. ${small}/app && mount --bind ${small}/app ${app}` : '';
    // What would go up to / stays in the machine.
    const made = `mount --bind ${on.directory} ${on.directory} && mount -t tmpfs -o ${options} none ${small} && mkdir -m 700 ${small}/app && cp -a ${on.state} ${small}/strongroom${keep}`;
    const look = `cd / && find ${app} -type f -not -path '*undo*' | sort | xargs md5sum; find ${app} -not -path '*undo*' -printf '%p %m %y\\n' | sort`;
    const fill = `dd if=/dev/zero of=${small}/fill bs=64k 2>&-; dd if=/dev/zero of=${small}/fill2 bs=512 2>&-; i=0; while true > ${small}/n$i; do i=$((i+1)); done 2>&-`;
    const deploy = `cd ${app}; rm -rf d0 empty; for f in d*/*; do echo new > $f; done; echo new > .env; mkdir added; cd /; ${fill}; exit 4`;
    const shell = `${made} && { (${look}) > ${on.directory}/a; "$@"; s=$?; (${look}) > ${on.directory}/b; exit $s; }`;
    const under = ['unshare', '-m', 'sh', '-c', shell, 'sh'];
    const ran = await on.run(['guard', '--', 'sh', '-c', deploy], { under, env: { XDG_STATE_HOME: small } });
    expect(ran.code, ran.stderr).toBe(4);
    const seen = (name: string) => readFileSync(join(on.directory, name), 'utf8');
    expect(seen('a')).toContain('/d0/f0');
    expect(seen('b')).toBe(seen('a'));
  };

  it.each<[string, boolean, string]>([
    ['that of the state directory, or', false, 'size=3m,nr_inodes=300'],
    ['that of both, or', true, 'size=4m,nr_inodes=1k'],
    ['its table of inodes', true, 'size=40m,nr_inodes=220'],
  ])('a full disk keeps nothing from coming back: %s', async (_, isAppThere, options) => {
    await filled(isAppThere, options);
  });
});

describe.runIf(spawnSync('strace', ['-V']).status === 0)('watched by strace', () => {
  variant(
    'the copy is made where nobody else can enter, and nothing in it is linked to the files',
    async () => {
      const { on, app } = await deployed(3);
      writeFileSync(join(app, 'big'), Buffer.alloc(2 << 20, 7), { mode: 0o644 });
      const trace = join(on.directory, 'trace');
      const calls = 'open,openat,mkdir,mkdirat,chmod,fchmod,fchmodat,link,linkat,rename,renameat,renameat2';
      const under = [
        'strace',
        '-f',
        '-s',
        '4096',
        '-o',
        trace,
        '-e',
        `trace=${calls}`,
        'sh',
        '-c',
        'umask 0; exec "$@"',
        'sh',
      ];
      const ran = await on.run(['guard', '--', 'sh', '-c', `rm -r ${app}/*; exit 4`], { under });
      expect(ran.code, ran.stderr).toBe(4);
      const lines = readFileSync(trace, 'utf8')
        .split('\n')
        .filter((line) => line.includes('.strongroom-undo-'));
      const made = lines.filter((line) => /mkdir/.test(line));
      expect(made[0]).toMatch(/\.strongroom-undo-[0-9a-f]{16}", 0700\) = 0/);
      for (const line of made) expect(line).toMatch(/, 0700\)/);
      const created = lines.filter((line) => line.includes('O_CREAT'));
      expect(created.length).toBeGreaterThan(4);
      for (const line of lines.filter((one) => /chmod/.test(one))) expect(line).toMatch(/, 0[67]00\)/);
      // The mode of a large file comes with its content, less what the umask takes.
      for (const line of created) expect(line, line).toMatch(/, 0(?:[67]00|100644|644)\)/);
      expect(lines.filter((line) => /link/.test(line.replace(/unlink|readlink/g, '')))).toEqual([]);
    },
  );
});

describe('what a deploy does to the guard itself', () => {
  it('by removing all that we remember is no failure, and no copy stays', async () => {
    const { on, app } = await deployed(4);
    // On another disk, the copies are not where our notes are.
    const state = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'strongroom-state-'));
    const env = { XDG_STATE_HOME: state };
    cpSync(on.state, join(state, 'strongroom'), { recursive: true });
    try {
      // Should the highest directory be /, it is that of the machine.
      const under = [
        'unshare',
        '-m',
        'sh',
        '-c',
        `mount --bind ${on.directory} ${on.directory} && exec "$@"`,
        'sh',
      ];
      const how = canMount ? { under, env } : { env };
      const script = `rm -rf ${state}/strongroom; echo new > ${app}/.env`;
      const ran = await on.run(['guard', '--', 'sh', '-c', script], how);
      expect(ran.code, ran.stderr).toBe(0);
      expect(readFileSync(join(app, '.env'), 'utf8')).toBe('new\n');
      const names = [on.directory, join(app, '..'), app].flatMap((at) => readdirSync(at));
      expect(names.filter((name) => name.startsWith('.strongroom-undo-'))).toEqual([]);
    } finally {
      rmSync(state, { recursive: true });
    }
  });

  it('by cleaning what is around the files takes no copy away', async () => {
    const { on, app } = await deployed(4);
    const before = everything(app);
    const clean = `cd ${app}/..; git init -q .; git clean -fdxq; find . -mindepth 1 -not -path './app*' -delete; echo new > ${app}/.env; exit 9`;
    const ran = await guard(on, clean);
    expect(ran.code, ran.stderr).toBe(9);
    expect(everything(app)).toEqual(before);
  });

  it.runIf(existsSync('/usr/bin/flock'))('is not done beside the guard of another user', async () => {
    const { on, app } = await deployed(3);
    const state = join(on.directory, 'his');
    cpSync(on.state, join(state, 'strongroom'), { recursive: true });
    const flag = join(on.directory, 'go-on');
    const first = guard(on, `touch ${flag}.began; while ! test -e ${flag}; do sleep 0.05; done; exit 3`);
    while (!existsSync(`${flag}.began`)) await wait(20);
    const his = await on.run(['guard', '--', 'sh', '-c', `echo his > ${app}/.env`], {
      env: { XDG_STATE_HOME: state },
    });
    expect(his.code).toBe(125);
    expect(his.stderr).toContain('another guard is under way');
    writeFileSync(flag, '');
    expect((await first).code).toBe(3);
    const again = await on.run(['guard', '--', 'true'], { env: { XDG_STATE_HOME: state } });
    expect(again.code, again.stderr).toBe(0);
  });

  it('by leaving something behind that writes on, does not keep the files from coming back', async () => {
    const { on, app } = await deployed(40);
    const before = everything(app);
    const writer = `i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo $i > ${app}/.x; mv ${app}/.x ${app}/.env; sleep 0.004; done`;
    const script = `cd ${app}; for f in d*/*; do echo new > $f; done; (${writer}) >&- 2>&- & exit 6`;
    const ran = await guard(on, script);
    expect(ran.code, ran.stderr).toBe(6);
    await wait(1200);
    const after = everything(app);
    for (const path of Object.keys(before).filter((one) => one.startsWith('d')))
      expect(after[path], path).toBe(before[path]);
  });
});

describe('where the files cannot be put back', () => {
  it('it says where they are, and puts them back when it can: 126', async () => {
    const { on, app } = await deployed(4);
    const before = everything(app);
    const script = `echo new > ${app}/.env; rm -r ${app}/d0; mv ${on.state}/.strongroom-undo-* ${on.directory}/hidden; exit 3`;
    const ran = await guard(on, script);
    expect(ran.code).toBe(126);
    expect(ran.stderr).toContain('the files could not be put back');
    expect(ran.stderr).toContain('guard --recover');
    // It names no copy that is not there.
    expect(ran.stderr).not.toContain('/before');
    const [, place = ''] = /the copy in '([^']*)' is gone/.exec(ran.stderr) ?? [];
    expect(readFileSync(join(app, '.env'), 'utf8')).toBe('new\n');
    expect((await on.run(['guard', '--', 'true'])).code).toBe(125);
    const backup = await on.ok(['backup']);
    expect(backup.stderr).toContain("a guard's rollback could not be finished");
    spawnSync('mv', [join(on.directory, 'hidden'), place]);
    expect((await on.run(['guard', '--recover'])).code).toBe(0);
    expect(everything(app)).toEqual(before);
    expect(lstatSync(app).mode & 0o777).toBe(0o755);
    chmodSync(app, 0o755);
  });
});
