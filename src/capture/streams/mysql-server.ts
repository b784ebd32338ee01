// A MariaDB or MySQL server as a stream's settings have it: the options and the environment that its tools find it by.
// No tool is run here.
import { resolve } from 'node:path';
import { StreamError, type StreamGround } from '../stream.ts';
import { type Address, parseAddress } from './address.ts';
import { refuseBeside, type SecretSource, secretOf, secretShape } from './secret-setting.ts';
import { line, type StreamShape } from './shapes.ts';

/** Settings that say where the database is. */
export const serverFields: Readonly<Record<string, StreamShape>> = {
  url: secretShape('the address (mysql://…, mariadb://…)'),
  database: line('Name of the database'),
  host: line('Host name, or the path of a socket'),
  port: { kind: 'integer', summary: 'Port', minimum: 1 },
  user: line('User to log in as'),
  password: secretShape('the password'),
  optionFile: line('A my.cnf that the tools read instead of their own: for TLS, say'),
};

/** How the tools reach a server. */
export interface MysqlServer {
  /** Empty where neither the settings nor the address name one. */
  readonly database: string;
  /** First among the arguments; no secret. @param isMariadb which tools they are for */
  options(isMariadb: boolean): readonly string[];
  readonly adds: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

interface Place {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly socket?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: Tls;
}

interface Tls {
  readonly mode?: string;
  /** Options that both know, with their files. */
  readonly files: readonly string[];
}

const SCHEMES = ['mysql', 'mysql2', 'mysqlx', 'mariadb', 'mysqlgis'];
const MODES = ['DISABLED', 'PREFERRED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY'];
/** Any parameter that has to do with safety must not be lost in silence; the rest is for the application's pool. */
const SAFETY = /ssl|tls|auth|cert|verify|key/i;

/**
 * @returns reads the secrets, when the server is needed
 * @throws UsageError bad-setting
 */
export function serverOf(
  stream: string,
  settings: Readonly<Record<string, unknown>>,
  ground: StreamGround,
): () => Promise<MysqlServer> {
  const url = secretOf(settings.url, { stream, setting: 'url' }, ground);
  const password = secretOf(settings.password, { stream, setting: 'password' }, ground);
  if (url) refuseBeside(stream, settings, ['database', 'host', 'port', 'user', 'password']);
  const { optionFile } = settings as { optionFile?: string };
  const first = (place: Place): string[] => {
    if (optionFile !== undefined) return [`--defaults-file=${resolve(ground.root, optionFile)}`];
    // What somebody's own file says would count before the variable.
    return place.password === undefined ? [] : ['--no-defaults'];
  };
  const inherited = [ground.env.MYSQL_PWD].filter((secret) => secret !== undefined);
  const server = (database: string, place: Place, secrets: readonly string[]): MysqlServer => ({
    database,
    options: (isMariadb) => [...first(place), ...optionsOf(place, isMariadb)],
    adds: place.password === undefined ? {} : { MYSQL_PWD: place.password },
    secrets: [...inherited, ...secrets, ...(place.password === undefined ? [] : [place.password])],
  });
  if (url) {
    return async () => {
      const text = await url.read();
      const { database, ...place } = addressed(stream, url, text);
      return server(database, place, [text]);
    };
  }
  const { database = '', host, user } = settings as Readonly<Record<string, string | undefined>>;
  const { port } = settings as { port?: number };
  return async () => {
    const where = host?.startsWith('/') ? { socket: host } : { host, port };
    return server(database, { ...where, user, password: await password?.read() }, []);
  };
}

function addressed(stream: string, url: SecretSource, text: string): Place & { database: string } {
  const address = parseAddress(text);
  const refuse = (why: string, hint: string) =>
    new StreamError('stream-address', `stream ${stream}: the address in ${url.where} ${why}`, { hint });
  const [first] = address?.hosts ?? [];
  if (!address || !first || address.hosts.length > 1 || !SCHEMES.includes(address.scheme)) {
    throw refuse('is no address of a MySQL database', 'such as mysql://user:password@host:3306/name');
  }
  const tls = tlsOf(address);
  // The parameter's name may be the end of a password that was not encoded.
  if (!tls) {
    throw refuse(
      'has a parameter about security that is not understood',
      'use optionFile for what TLS needs',
    );
  }
  const socket = address.parameters.get('unix_socket') ?? address.parameters.get('socket');
  const { user, password } = address;
  const where = socket === undefined ? { host: first.host || undefined, port: first.port } : { socket };
  return { database: address.path, ...where, user, password, tls };
}

/** @returns undefined when there is one that has no counterpart */
function tlsOf({ parameters }: Address): Tls | undefined {
  const files: string[] = [];
  let mode: string | undefined;
  for (const [name, value] of parameters) {
    const key = name.toLowerCase().replaceAll('_', '-');
    if (/^ssl-(?:ca|cert|key)$/.test(key)) files.push(`--${key}=${value}`);
    else if (/^(?:ssl-?mode|use-?ssl|ssl|tls)$/i.test(key)) {
      mode = { TRUE: 'REQUIRED', FALSE: 'DISABLED' }[value.toUpperCase()] ?? value.toUpperCase();
      if (!MODES.includes(mode)) return undefined;
    } else if (SAFETY.test(key)) return undefined;
  }
  return { files, ...(mode === undefined ? {} : { mode }) };
}

function optionsOf({ host, port, socket, user, tls }: Place, isMariadb: boolean): string[] {
  const mode = tls?.mode;
  return [
    ...(socket === undefined ? [] : ['--protocol=SOCKET', `--socket=${socket}`]),
    ...(host === undefined ? [] : [`--host=${host}`]),
    // A port is one of TCP, even on localhost.
    ...(port === undefined ? [] : ['--protocol=TCP', `--port=${port}`]),
    ...(user === undefined ? [] : [`--user=${user}`]),
    ...(tls?.files ?? []),
    ...(mode === undefined ? [] : isMariadb ? mariadbTls(mode) : [`--ssl-mode=${mode}`]),
  ];
}

function mariadbTls(mode: string): string[] {
  if (mode === 'DISABLED') return ['--skip-ssl'];
  if (mode === 'PREFERRED') return [];
  return mode === 'REQUIRED' ? ['--ssl'] : ['--ssl', '--ssl-verify-server-cert'];
}
