// A PostgreSQL server as a stream's settings have it: the environment that its tools find it by. No tool is run here.
import { StreamError, type StreamGround } from '../stream.ts';
import { type Address, parseAddress } from './address.ts';
import { refuseBeside, type SecretSource, secretOf, secretShape } from './secret-setting.ts';
import { line, type StreamShape } from './shapes.ts';

/** Settings that say where the database is. */
export const serverFields: Readonly<Record<string, StreamShape>> = {
  url: secretShape('the address (postgresql://…)'),
  database: line('Name of the database'),
  host: line('Host name, or the directory of a socket'),
  port: { kind: 'integer', summary: 'Port', minimum: 1 },
  user: line('Role to log in as'),
  password: secretShape('the password'),
};

/** How the tools reach a database. */
export interface PostgresServer {
  /** Empty where neither the settings nor the address name one. */
  readonly database: string;
  /** For the children. */
  readonly adds: Readonly<Record<string, string | undefined>>;
  /** What must not be seen. */
  readonly secrets: readonly string[];
}

/** Parameters of addresses that libpq knows, and the variables that stand for them (libpq, "Environment Variables"). */
const VARIABLES: Readonly<Record<string, string>> = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  dbname: 'PGDATABASE',
  service: 'PGSERVICE',
  channel_binding: 'PGCHANNELBINDING',
  require_auth: 'PGREQUIREAUTH',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  client_encoding: 'PGCLIENTENCODING',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  load_balance_hosts: 'PGLOADBALANCEHOSTS',
  sslmode: 'PGSSLMODE',
  // As asyncpg and JDBC call it.
  ssl: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslcompression: 'PGSSLCOMPRESSION',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslcertmode: 'PGSSLCERTMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcrl: 'PGSSLCRL',
  sslcrldir: 'PGSSLCRLDIR',
  sslsni: 'PGSSLSNI',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  gssencmode: 'PGGSSENCMODE',
  gssdelegation: 'PGGSSDELEGATION',
  krbsrvname: 'PGKRBSRVNAME',
  requirepeer: 'PGREQUIREPEER',
};
/** Any other that has to do with safety must not be lost in silence; the rest is for the application's own pool. */
const SAFETY = /ssl|tls|auth|cert|gss|krb|verify/i;
const SCHEMES = ['postgres', 'postgresql', 'pgsql', 'postgis', 'psql'];
/** Set for another server, they would send the tools there. */
const ELSEWHERE = { PGSERVICE: undefined, PGHOSTADDR: undefined };

/**
 * @returns reads the secrets, when the server is needed
 * @throws UsageError bad-setting
 */
export function serverOf(
  stream: string,
  settings: Readonly<Record<string, unknown>>,
  ground: StreamGround,
): () => Promise<PostgresServer> {
  const url = secretOf(settings.url, { stream, setting: 'url' }, ground);
  const password = secretOf(settings.password, { stream, setting: 'password' }, ground);
  if (url) refuseBeside(stream, settings, ['database', 'host', 'port', 'user', 'password']);
  // The tools' own variables may hold one, too.
  const inherited = [ground.env.PGPASSWORD].filter((secret) => secret !== undefined);
  if (url) return async () => await byAddress(stream, url, inherited);
  const { database = '', host, port, user } = settings as Readonly<Record<string, string | undefined>>;
  return async () => {
    const secret = await password?.read();
    return {
      database,
      adds: {
        ...(host === undefined ? {} : { ...ELSEWHERE, PGHOST: host }),
        ...(port === undefined ? {} : { PGPORT: String(port) }),
        ...(user === undefined ? {} : { PGUSER: user }),
        ...(secret === undefined ? {} : { PGPASSWORD: secret }),
      },
      secrets: secret === undefined ? inherited : [...inherited, secret],
    };
  };
}

async function byAddress(
  stream: string,
  url: SecretSource,
  inherited: readonly string[],
): Promise<PostgresServer> {
  const text = await url.read();
  const address = parseAddress(text);
  const refuse = (why: string, hint: string) =>
    new StreamError('stream-address', `stream ${stream}: the address in ${url.where} ${why}`, { hint });
  if (!address || !SCHEMES.includes(address.scheme)) {
    throw refuse(
      'is no address of a PostgreSQL database',
      'such as postgresql://user:password@host:5432/name',
    );
  }
  const adds: Record<string, string | undefined> = { ...ELSEWHERE, ...partsOf(address) };
  for (const [name, value] of address.parameters) {
    const variable = VARIABLES[name.toLowerCase()];
    if (variable !== undefined) adds[variable] = variable === 'PGSSLMODE' ? sslMode(value) : value;
    // Its name may be the end of a password that was not encoded.
    else if (SAFETY.test(name)) {
      throw refuse(
        'has a parameter about security that PostgreSQL’s tools do not know',
        'give host, user, password and the variables PGSSL… instead',
      );
    }
  }
  const { PGDATABASE: database = '', PGPASSWORD: password, ...rest } = adds;
  return {
    database,
    adds: password === undefined ? rest : { ...rest, PGPASSWORD: password },
    secrets: [...inherited, text, ...(password === undefined ? [] : [password])],
  };
}

function partsOf({ user, password, hosts, path }: Address): Record<string, string> {
  const named = hosts.some(({ host }) => host !== '');
  const ported = hosts.some(({ port }) => port !== undefined);
  return {
    ...(named ? { PGHOST: hosts.map(({ host }) => host).join(',') } : {}),
    ...(ported ? { PGPORT: hosts.map(({ port }) => String(port ?? '')).join(',') } : {}),
    ...(user === undefined ? {} : { PGUSER: user }),
    ...(password === undefined ? {} : { PGPASSWORD: password }),
    ...(path === '' ? {} : { PGDATABASE: path }),
  };
}

function sslMode(value: string): string {
  if (value === 'true') return 'require';
  return value === 'false' ? 'disable' : value;
}

/** A database as a connection string: a bare name with `=` in it would be taken for one. */
export function connectTo(database: string): string {
  return `--dbname=dbname='${database.replace(/['\\]/g, '\\$&')}'`;
}
