// Owns what one way of loading a Compose project found: references and warnings that count only if it does, and how
// the text of a field becomes a path.
import { posix } from 'node:path';
import { shownKey } from '../../../compare/shown.ts';
import type { DiscoveryWarning, Reference } from '../reference.ts';
import { isNothing } from './fields.ts';
import { interpolate, type Lookup, tooMuch } from './interpolate.ts';
import type { Mention } from './mentions.ts';
import type { Session } from './session.ts';

/** A path that a field names; absolute. */
export interface Named {
  readonly path: string;
  /** The same with variables in it as they are written: what is shown, as nothing is known to be there. */
  readonly written?: string | undefined;
}

export interface Findings {
  readonly references: (Omit<Reference, 'state'> & Named)[];
  /** By what they say: a thousand services may name one variable. */
  readonly warnings: Map<string, DiscoveryWarning>;
  /** Compose files that others of this project include. */
  readonly included: Set<string>;
  readonly visited: Set<string>;
  /** Whether the deployment is known to load it; if not, it may do without all that is found. */
  readonly isLoaded: boolean;
}

export function newFindings(isLoaded: boolean): Findings {
  return { references: [], warnings: new Map(), included: new Set(), visited: new Set(), isLoaded };
}

/** How the files of a project are read. */
export interface Context {
  readonly session: Session;
  readonly findings: Findings;
  /** Where relative paths start; absolute. */
  readonly directory: string;
  readonly lookup: Lookup;
  /** Env files that the lookup knows, innermost last. */
  readonly envFiles: readonly string[];
  /** Files that lead here by include or extends, outermost first. */
  readonly chain: readonly string[];
}

/** @param phrase may hold names of services, which are whatever somebody wrote */
export function warn(
  { findings }: Context,
  path: string,
  kind: DiscoveryWarning['kind'],
  phrase: string,
): void {
  const reason = phrase.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
  findings.warnings.set(`${path}\0${reason}`, { path, kind, reason });
}

export function refer({ findings }: Context, named: Named, as: string, by?: string, required = true): void {
  const { isLoaded } = findings;
  const ifLoaded = required && !isLoaded ? { requiredIfLoaded: true } : {};
  findings.references.push({ ...named, as, by, required: required && isLoaded, ...ifLoaded });
}

/** What is the machine's, is made at each start, or cannot be a file: no back-up brings it back. */
const OF_THE_MACHINE =
  /^\/(?:(?:proc|sys|dev|run|var\/run)(?:\/.*)?|etc\/(?:localtime|timezone|resolv\.conf|ssl\/certs\/ca-certificates\.crt))?$/;
/** By its last name. A dotfile may as well be a directory, and so may what ends in a number, as versions do. */
const LIKE_A_FILE = /[^/]\.(?!(?:d|git|log|pid|sock|socket)$)[A-Za-z][A-Za-z0-9_-]{0,9}$/;
/** Where an agent listens. */
const AGENT = /\$\{?SSH_AUTH_SOCK\b/;
/** What Compose fetches with git, or from a registry. */
const REMOTE = /^(?:[a-z][a-z0-9+.-]*:\/\/|git@|github\.com\/)/i;
const HOST = /^(?:[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?|git@)?([a-z0-9.-]{1,100})(?=[/:]|$)/i;

/** Refers to what a field names, if it is a path. */
export function follow(mention: Mention, by: string, context: Context): void {
  const { as, form, required } = mention;
  const named = pathOf(mention, by, context);
  // `/dev/null` stands for no file, in any field.
  if (named === undefined || named.path === '/dev/null') return;
  const { path } = named;
  if ((form === 'mount' || form === 'bind') && OF_THE_MACHINE.test(path)) return;
  const state = form === 'path' ? undefined : context.session.ground.look(path);
  if (form === 'option' && state !== 'file') return;
  // Docker makes a directory in the place of a file that is gone, which is never what a mount of a file wants.
  const isLost = (state === 'missing' || state === 'outside') && form !== 'option' && LIKE_A_FILE.test(path);
  refer(context, named, as, by, required || isLost);
}

/** A path as Compose finds it; undefined, and a warning where there should be one, for what is none. */
export function pathOf(
  { as, text, form }: Pick<Mention, 'as' | 'text' | 'form'>,
  by: string,
  context: Context,
): Named | undefined {
  if (!context.session.spend(by) || !context.session.spend(by, text?.length ?? 0)) return undefined;
  if (text === undefined) {
    warn(context, by, 'broken', `has no path where one should be: ${as}`);
    return undefined;
  }
  if (isNothing(text) || AGENT.test(text)) return undefined;
  const filled = form === 'mount' ? sourceOf(text, context.lookup) : interpolate(text, context.lookup);
  if (filled === undefined) return undefined;
  if ('problem' in filled) {
    // Of that the ground has warned.
    if (filled !== tooMuch) warn(context, by, filled.kind, filled.problem);
    return undefined;
  }
  if (REMOTE.test(filled.text)) {
    // The address may hold a token, or come from a variable.
    const host = HOST.exec(text)?.[1];
    const named = host === undefined || shownKey(host) !== host ? '' : ` (${host})`;
    warn(context, by, 'unread', `names what is not on this machine${named}: ${as}`);
    return undefined;
  }
  // A drive of Windows, or a pipe there.
  const isWindows = /^(?:[A-Za-z]:)?\\|^[A-Za-z]:\//.test(filled.text);
  if (filled.text === '' || isWindows) return undefined;
  const path = resolvePath(filled.text, by, context);
  if (path === undefined || filled.written === undefined || filled.written === filled.text)
    return path === undefined ? undefined : { path };
  // What is there is a path. Anything else may be a value of any kind, and a path is shown.
  const isThere = !['missing', 'outside', 'unreadable'].includes(context.session.ground.look(path));
  return isThere ? { path } : { path, written: resolvePath(filled.written, by, context) };
}

function resolvePath(text: string, by: string, context: Context): string | undefined {
  if (!text.startsWith('~')) return posix.resolve(context.directory, text);
  const home = context.session.ground.env.HOME;
  if (home) return posix.join(home, text.slice(1));
  warn(context, by, 'unread', 'has a path in the home directory, and HOME is not set');
  return undefined;
}

/** The source of `SOURCE:TARGET[:OPTIONS]`; undefined for a volume's name, or for a target alone. */
function sourceOf(text: string, lookup: Lookup): ReturnType<typeof interpolate> | undefined {
  const raw = untilColon(text);
  // One variable may hold all of it.
  const filled = interpolate(raw ?? text, lookup);
  if ('problem' in filled) return filled;
  const source = untilColon(filled.text) ?? (raw === undefined ? undefined : filled.text);
  if (source === undefined || !/^[./~]/.test(source)) return undefined;
  const { written } = filled;
  return { text: source, written: written && (untilColon(written) ?? written) };
}

/** What stands before the first colon outside of `${…}`; undefined without one. */
function untilColon(text: string): string | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '$' && text[at + 1] === '{') depth += 1;
    else if (text[at] === '}' && depth > 0) depth -= 1;
    else if (text[at] === ':' && depth === 0) return text.slice(0, at);
  }
  return undefined;
}
