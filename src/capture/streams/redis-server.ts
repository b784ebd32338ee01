// A Redis or Valkey server as a stream's settings have it: the options and the environment that redis-cli finds it by.
// No tool is run here.
import { StreamError, type StreamGround } from '../stream.ts';
import { type Address, parseAddress } from './address.ts';
import { refuseBeside, type SecretSource, secretOf, secretShape } from './secret-setting.ts';
import { line, type StreamShape } from './shapes.ts';

/** Settings that say where the server is. */
export const serverFields: Readonly<Record<string, StreamShape>> = {
  url: secretShape('the address (redis://…, rediss://…)'),
  host: line('Host name, or the path of a socket'),
  port: { kind: 'integer', summary: 'Port', minimum: 1 },
  user: line('User to log in as'),
  password: secretShape('the password'),
  tls: { kind: 'flag', summary: 'Whether the connection is encrypted' },
  caFile: line('Certificates of those who may vouch for the server'),
};

/** How redis-cli reaches a server. */
export interface RedisServer {
  /** No secret. */
  readonly options: readonly string[];
  readonly adds: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

interface Place {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: readonly string[];
}

const SCHEMES = ['redis', 'rediss', 'valkey', 'valkeys', 'unix'];
/** Any parameter that has to do with safety must not be lost in silence; the rest is for the application's pool. */
const SAFETY = /ssl|tls|auth|cert|verify|key|pass|user/i;
/** As redis-py calls them. */
const FILES: Readonly<Record<string, string>> = {
  ssl_ca_certs: '--cacert',
  ssl_certfile: '--cert',
  ssl_keyfile: '--key',
};

/**
 * @returns reads the secrets, when the server is needed
 * @throws UsageError bad-setting
 */
export function serverOf(
  stream: string,
  settings: Readonly<Record<string, unknown>>,
  ground: StreamGround,
): () => Promise<RedisServer> {
  const url = secretOf(settings.url, { stream, setting: 'url' }, ground);
  const password = secretOf(settings.password, { stream, setting: 'password' }, ground);
  if (url) refuseBeside(stream, settings, ['host', 'port', 'user', 'password', 'tls']);
  const { host, port, user, tls, caFile } = settings as {
    host?: string;
    port?: number;
    user?: string;
    tls?: boolean;
    caFile?: string;
  };
  const authority = caFile === undefined ? [] : ['--cacert', caFile];
  const inherited = [ground.env.REDISCLI_AUTH].filter((secret) => secret !== undefined);
  const server = (place: Place, secrets: readonly string[]): RedisServer => ({
    options: [...optionsOf(place), ...authority],
    adds: place.password === undefined ? {} : { REDISCLI_AUTH: place.password },
    secrets: [...inherited, ...secrets, ...(place.password === undefined ? [] : [place.password])],
  });
  if (url) {
    return async () => {
      const text = await url.read();
      return server(addressed(stream, url, text), [text]);
    };
  }
  return async () =>
    server({ host, port, user, password: await password?.read(), tls: tls ? ['--tls'] : [] }, []);
}

function addressed(stream: string, url: SecretSource, text: string): Place {
  const address = parseAddress(text);
  const [first] = address?.hosts ?? [];
  const refuse = (why: string, hint: string) =>
    new StreamError('stream-address', `stream ${stream}: the address in ${url.where} ${why}`, { hint });
  if (!address || !first || address.hosts.length > 1 || !SCHEMES.includes(address.scheme)) {
    throw refuse('is no address of a Redis server', 'such as redis://user:password@host:6379');
  }
  const tls = tlsOf(address);
  // The parameter's name may be the end of a password that was not encoded.
  if (!tls) {
    throw refuse(
      'has a parameter about security that is not understood',
      'give host, user, password and tls',
    );
  }
  const { user, password, path } = address;
  // `redis+socket:///run/redis.sock`, and `unix:///run/redis.sock`.
  const isSocket = first.host === '' && !/^\d*$/.test(path);
  const where = isSocket ? { host: `/${path}` } : { host: first.host || undefined, port: first.port };
  return { ...where, user, password, tls };
}

/** @returns undefined when there is a parameter that has no counterpart */
function tlsOf({ scheme, parameters }: Address): string[] | undefined {
  const options = /^(?:rediss|valkeys)$/.test(scheme) ? ['--tls'] : [];
  for (const [name, value] of parameters) {
    const option = FILES[name.toLowerCase()];
    if (option !== undefined) options.push(option, value);
    else if (name.toLowerCase() === 'ssl_cert_reqs') {
      if (/^(?:CERT_)?NONE$/i.test(value)) options.push('--insecure');
      else if (!/^(?:CERT_)?REQUIRED$/i.test(value)) return undefined;
    } else if (SAFETY.test(name)) return undefined;
  }
  return options;
}

function optionsOf({ host, port, user, tls = [] }: Place): string[] {
  return [
    ...(host === undefined ? [] : host.startsWith('/') ? ['-s', host] : ['-h', host]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['--user', user]),
    ...tls,
  ];
}
