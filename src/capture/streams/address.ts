// Addresses of servers as applications have them, `postgresql+psycopg2://user:password@host:5432/shop?sslmode=require`
// say: what is in one. What it means is the adapter's. No message of this file quotes any of it.

export interface Address {
  /** Lower case, without the driver: `postgresql`. */
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** More than one where any of them will do. A host may be the path of a socket, and may be empty. */
  readonly hosts: readonly { readonly host: string; readonly port: number | undefined }[];
  /** Decoded, without the slash in front; empty where there is none. */
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const ADDRESS = /^(?:jdbc:)?([a-z][a-z\d]*)(?:[+.-][\w.+-]*)?:\/\/(.*)$/is;
/** RFC 3986: what stands before the path has no `/`, `?` or `#`. */
const STRICT = /^(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#@]*))?(?:\?([^#]*))?(?:#.*)?$/s;
/** Written by hand: a password with such characters in it, which SQLAlchemy takes. */
const LAX = /^(?:(.*)@)?([^/?#@]*)(?:\/([^?]*))?(?:\?(.*))?$/s;
const HOST = /^(?:\[([\da-f:.%]+)\]|([^:[\]]*))(?::(\d{1,5})?)?$/i;

/** Text in an address never has one; no argument and no variable may have some of them. */
const CONTROL = /\p{Cc}/u;

/** @returns undefined for what is no address */
export function parseAddress(text: string): Address | undefined {
  const [, scheme, rest] = ADDRESS.exec(text.trim()) ?? [];
  if (scheme === undefined || rest === undefined) return undefined;
  for (const form of [STRICT, LAX]) {
    const [, credentials, servers = '', path = '', query = ''] = form.exec(rest) ?? [
      undefined,
      undefined,
      ':x',
    ];
    const hosts = servers.split(',').map(hostOf);
    if (!hosts.every((host) => host !== undefined)) continue;
    // The password is all that follows the first colon.
    const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(credentials ?? '') ?? [];
    const address: Address = {
      scheme: scheme.toLowerCase(),
      user: user ? decoded(user) : undefined,
      password: password ? decoded(password) : undefined,
      hosts,
      path: decoded(path),
      parameters: parametersOf(query),
    };
    return textsOf(address).some((part) => CONTROL.test(part)) ? undefined : address;
  }
  return undefined;
}

function textsOf({ user = '', password = '', hosts, path, parameters }: Address): readonly string[] {
  return [user, password, path, ...hosts.map(({ host }) => host), ...[...parameters].flat()];
}

function hostOf(text: string): Address['hosts'][number] | undefined {
  const [all, six, name = '', port] = HOST.exec(text) ?? [];
  if (all === undefined || Number(port ?? 1) > 65_535) return undefined;
  return { host: decoded(six ?? name), port: port === undefined ? undefined : Number(port) };
}

function parametersOf(query: string): Map<string, string> {
  const pairs = query.split('&').filter((pair) => pair !== '');
  return new Map(
    pairs.map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return [decoded(name), decoded(value.join('='))];
    }),
  );
}

/** A percent sign that begins no byte stands for itself, as it does for SQLAlchemy. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
