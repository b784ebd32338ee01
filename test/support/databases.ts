// Real database servers for tests: each in a directory of its own, on a socket and a free port of this machine, with
// passwords, gone with the process that started it.

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const POSTGRES = '/usr/lib/postgresql';
const versions = existsSync(POSTGRES) ? readdirSync(POSTGRES).sort((a, b) => Number(b) - Number(a)) : [];

/** Servers are not on everybody's path; the newest first. */
const PATH = [
  process.env.PATH ?? '',
  '/usr/sbin',
  '/sbin',
  ...versions.map((version) => join(POSTGRES, version, 'bin')),
].join(delimiter);

const missing = (...programs: string[]): readonly string[] =>
  programs.filter(
    (program) => spawnSync('sh', ['-c', `command -v ${program}`], { env: { PATH } }).status !== 0,
  );

/** Programs that are not here, by server. */
export const missingFor = {
  postgres: missing('initdb', 'postgres', 'pg_dump', 'pg_restore', 'psql', 'setpriv'),
  mariadb: missing('mariadbd', 'mariadb-install-db', 'mariadb-dump', 'mariadb', 'setpriv'),
  redis: missing('redis-server', 'redis-cli', 'setpriv'),
};

/** Where a server cannot be had its tests are skipped, and scripts/test.sh says so by name; never in CI. */
export const skipFor = {
  postgres: missingFor.postgres.length > 0 && !process.env.CI,
  mariadb: missingFor.mariadb.length > 0 && !process.env.CI,
  redis: missingFor.redis.length > 0 && !process.env.CI,
};

export interface Server {
  /** Of the administrator. */
  readonly user: string;
  readonly password: string;
  /** The socket; for PostgreSQL the directory that it is in. */
  readonly socket: string;
  /** On 127.0.0.1. */
  readonly port: number;
  /** Runs SQL, or a command of Redis, and gives what comes out. */
  query(text: string, database?: string): Promise<string>;
  /** As a power cut does. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const isRoot = process.getuid?.() === 0;

/** @param as who owns the server, as it refuses to be run by root */
function place(as: string | undefined): string {
  const directory = mkdtempSync(join(tmpdir(), 'db-'));
  chmodSync(directory, 0o700);
  if (as !== undefined && isRoot) spawnSync('chown', [as, directory]);
  return directory;
}

/** A command line of a program that ends with this process. */
function bound(as: string | undefined, program: string, args: readonly string[]): [string, string[]] {
  const who = as !== undefined && isRoot ? [`--reuid=${as}`, `--regid=${as}`, '--clear-groups'] : [];
  return ['setpriv', [...who, '--pdeathsig', 'KILL', program, ...args]];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

interface Running {
  readonly child: ChildProcess;
  end(signal: NodeJS.Signals): Promise<void>;
}

async function startServer(
  as: string | undefined,
  program: string,
  args: readonly string[],
  directory: string,
  isReady: () => Promise<unknown>,
): Promise<Running> {
  const [setpriv, all] = bound(as, program, args);
  const log = join(directory, 'log');
  const fd = openSync(log, 'w');
  const child = spawn(setpriv, all, {
    cwd: directory,
    env: { PATH, LC_ALL: 'C' },
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (const end = performance.now() + 60_000; ; await sleep(50)) {
    if (
      await isReady().then(
        () => true,
        () => false,
      )
    )
      break;
    if (child.exitCode !== null || performance.now() > end) {
      throw new Error(`${program} does not start: ${readFileSync(log, 'utf8').slice(-2000)}`);
    }
  }
  return {
    child,
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
    },
  };
}

/** PostgreSQL, with `scram-sha-256` on every way in. */
export async function startPostgres(): Promise<Server> {
  const as = 'postgres';
  const directory = place(as);
  const [user, password, port] = ['postgres', 'admin-s3cret', await freePort()];
  const env = {
    PATH,
    LC_ALL: 'C',
    PGHOST: directory,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
  };
  const pwfile = join(directory, 'pw');
  writeFileSync(pwfile, `${password}\n`);
  chmodSync(pwfile, 0o644);
  const data = join(directory, 'data');
  const options = ['--no-sync', '--encoding=UTF8', '--locale=C.UTF-8', '--auth=scram-sha-256', '-U', user];
  await run(...bound(as, 'initdb', ['-D', data, ...options, `--pwfile=${pwfile}`]), { env, cwd: directory });
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: directory,
    fsync: 'off',
    max_connections: '20',
    shared_buffers: '16MB',
    max_wal_senders: '0',
    wal_level: 'minimal',
  };
  const args = [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const query = async (text: string, database = 'postgres'): Promise<string> => {
    const all = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', text];
    return (await run('psql', all, { env, maxBuffer: 2 ** 28 })).stdout;
  };
  const server = await startServer(as, 'postgres', args, directory, () => query('select 1'));
  return {
    user,
    password,
    socket: directory,
    port,
    query,
    kill: () => server.end('SIGKILL'),
    async stop() {
      await server.end('SIGINT');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** MariaDB; its administrator may come by TCP as well. */
export async function startMariadb(): Promise<Server> {
  const as =
    existsSync('/etc/passwd') && /^mysql:/m.test(readFileSync('/etc/passwd', 'utf8')) ? 'mysql' : 'nobody';
  const directory = place(as);
  const [user, password, port] = ['root', 'admin-s3cret', await freePort()];
  const data = join(directory, 'data');
  const socket = join(directory, 's');
  const install = [
    '--no-defaults',
    `--datadir=${data}`,
    `--tmpdir=${directory}`,
    '--skip-test-db',
    '--auth-root-authentication-method=normal',
  ];
  const env = { PATH, LC_ALL: 'C', MYSQL_PWD: '' };
  await run(...bound(as, 'mariadb-install-db', install), { env, cwd: directory });
  const args = [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--pid-file=${join(directory, 'pid')}`,
    `--tmpdir=${directory}`,
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-buffer-pool-size=16M',
    '--event-scheduler=OFF',
  ];
  const query = async (text: string, database = 'mysql'): Promise<string> => {
    const all = [
      '--no-defaults',
      '-N',
      '-r',
      '-B',
      '-S',
      socket,
      '-u',
      user,
      '--default-character-set=utf8mb4',
    ];
    return (await run('mariadb', [...all, '-e', text, database], { env, maxBuffer: 2 ** 28 })).stdout;
  };
  const server = await startServer(as, 'mariadbd', args, directory, () => query('select 1'));
  const by = `identified by '${password}'`;
  await query(`alter user root@localhost ${by}, root@127.0.0.1 ${by}`);
  env.MYSQL_PWD = password;
  return {
    user,
    password,
    socket,
    port,
    query,
    kill: () => server.end('SIGKILL'),
    async stop() {
      await server.end('SIGTERM');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Redis, with a password. @param from a dump to begin with, or a directory of append-only files */
export async function startRedis(from?: string): Promise<Server> {
  const directory = place(undefined);
  const [user, password, port] = ['default', 'admin-s3cret', await freePort()];
  const socket = join(directory, 's');
  const appends = from !== undefined && statSync(from).isDirectory();
  if (from !== undefined)
    cpSync(from, join(directory, appends ? 'appendonlydir' : 'dump.rdb'), { recursive: true });
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', socket, '--dir', directory];
  const query = async (text: string, database = '0'): Promise<string> => {
    const env = { PATH, LC_ALL: 'C', REDISCLI_AUTH: password };
    const asked = run('redis-cli', ['--no-auth-warning', '-e', '-s', socket, '-n', database], { env });
    asked.child.stdin?.end(`${text}\n`);
    const { stdout, stderr } = await asked;
    // It exits with 0 all the same; a server that still loads its file says LOADING here, and is not ready.
    if (stderr !== '') throw new Error(`redis-cli: ${stderr}`);
    return stdout;
  };
  const server = await startServer(
    undefined,
    'redis-server',
    [
      ...args,
      '--requirepass',
      password,
      '--save',
      '',
      '--appendonly',
      appends ? 'yes' : 'no',
      '--enable-debug-command',
      'yes',
      '--repl-diskless-sync-delay',
      '0',
    ],
    directory,
    () => query('ping'),
  );
  return {
    user,
    password,
    socket,
    port,
    query,
    kill: () => server.end('SIGKILL'),
    async stop() {
      await server.end('SIGTERM');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
