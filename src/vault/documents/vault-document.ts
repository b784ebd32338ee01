// The vault document: what opens the vault and who may write to it (docs/format.md section 5). Its shape and its
// own consistency; whom to trust is src/vault/trust.ts.
import { IntegrityError } from '../../errors.ts';
import { parsePublicKey } from '../../sign/key.ts';
import { PREVIOUS, RECOVERY } from '../layout.ts';
import { type Fields, fields } from './shape.ts';

export interface ObjectRef {
  readonly object: string;
  readonly size: number;
  readonly sha256: string;
}

export interface Generation {
  readonly generation: number;
  readonly recipient: string;
  /** The authority's public key, `ssh-ed25519 AAAA…`. */
  readonly authority: string;
  readonly compromised: boolean;
  /** The identity of the generation before, encrypted to this one; null for the first. */
  readonly previous: ObjectRef | null;
}

export type Method = 'passphrase' | 'age' | 'ssh' | 'kms';

export interface Slot extends ObjectRef {
  readonly name: string;
  readonly method: Method;
  readonly added: string;
  readonly by: string;
  readonly recipient?: string;
  readonly workFactor?: number;
  readonly arn?: string;
  readonly context?: Readonly<Record<string, string>>;
  /** A recovery kit: what opens it was printed, and nobody holds it otherwise. Left out where it is none. */
  readonly kit?: true;
}

export type May = 'write' | 'maintain';

export interface Host {
  readonly name: string;
  readonly key: string;
  readonly sets: readonly string[];
  readonly may: readonly May[];
  readonly added: string;
  readonly removed?: string;
  readonly counts?: { readonly object: string; readonly sha256: string };
}

export interface VaultDocument {
  readonly format: 1;
  readonly type: 'vault';
  readonly object: string;
  readonly vault: string;
  readonly time: string;
  readonly tool: string;
  readonly name: string;
  readonly revision: number;
  readonly generation: number;
  readonly generations: readonly Generation[];
  readonly slots: readonly Slot[];
  readonly hosts: readonly Host[];
  readonly recovery: ObjectRef;
  readonly reencrypt: boolean;
}

const METHODS: readonly string[] = ['passphrase', 'age', 'ssh', 'kms'];
const KEY_OBJECT = /^keys\/[1-9]\d{0,8}\/[a-z0-9][a-z0-9._-]*\.(age|kms)$/;
export const VAULT_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;

function reference(f: Fields, pattern: RegExp): ObjectRef {
  return { object: f.text('object', { pattern }), size: f.integer('size'), sha256: f.sha256('sha256') };
}

function publicKey(f: Fields, key: string): string {
  const text = f.text(key, { max: 200 });
  try {
    if (parsePublicKey(text) === text) return text;
  } catch {
    // Said below, naming the field.
  }
  return f.fail(key, 'an Ed25519 public key');
}

function readGeneration(f: Fields): Generation {
  const previous = f.optionalObject('previous');
  return {
    generation: f.integer('generation', 1),
    recipient: f.text('recipient', { max: 4096, pattern: /^age1[0-9a-z]+$/ }),
    authority: publicKey(f, 'authority'),
    compromised: f.flag('compromised'),
    previous: previous ? reference(previous, KEY_OBJECT) : null,
  };
}

function readSlot(f: Fields): Slot {
  const method = f.text('method');
  if (!METHODS.includes(method)) f.fail('method', 'a method that this version knows');
  const name = f.name('name');
  if (name === PREVIOUS) f.fail('name', 'a name that a key may have');
  const recipient = f.optionalText('recipient');
  // It is shown in a question before anything is proven: no sentence fits into it.
  const arn = f.optionalText('arn', { max: 512, pattern: /^arn:[\w:/+=,.@-]+$/ });
  const context = f.optionalObject('context');
  return {
    name,
    method: method as Method,
    ...reference(f, KEY_OBJECT),
    added: f.time('added'),
    by: f.text('by', { max: 256 }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(method === 'passphrase' ? { workFactor: f.integer('workFactor', 1, 64) } : {}),
    ...(arn === undefined ? {} : { arn }),
    ...(context === undefined
      ? {}
      : { context: Object.fromEntries(context.pairs().map(([k]) => [k, context.text(k)])) }),
    ...(f.optionalFlag('kit') ? { kit: true } : {}),
  };
}

function readHost(f: Fields): Host {
  const may = f.texts('may');
  if (!may.every((m) => m === 'write' || m === 'maintain')) f.fail('may', 'a list of write and maintain');
  const counts = f.optionalObject('counts');
  return {
    name: f.name('name'),
    key: publicKey(f, 'key'),
    sets: f.texts('sets'),
    may: may as May[],
    added: f.time('added'),
    ...(f.optionalText('removed') === undefined ? {} : { removed: f.time('removed') }),
    ...(counts ? { counts: { object: counts.text('object'), sha256: counts.sha256('sha256') } } : {}),
  };
}

function unique(values: readonly string[], what: string, object: string): void {
  if (new Set(values).size === values.length) return;
  throw new IntegrityError('bad-document', `${object}: two ${what} are the same`, { object });
}

/**
 * Reads a vault document whose signatures have been verified and whose common fields have been checked.
 * @param json the parsed body
 * @throws IntegrityError `bad-document`
 */
export function readVaultDocument(json: unknown, object: string): VaultDocument {
  const f = fields(json, object);
  if (f.text('type') !== 'vault') f.fail('type', '`vault`');
  const document: VaultDocument = {
    format: 1,
    type: 'vault',
    object,
    vault: f.text('vault', { pattern: VAULT_ID }),
    time: f.time('time'),
    tool: f.text('tool', { max: 256 }),
    name: f.name('name'),
    revision: f.integer('revision', 1),
    generation: f.integer('generation', 1),
    generations: f.list('generations', readGeneration),
    slots: f.list('slots', readSlot),
    hosts: f.list('hosts', readHost),
    recovery: reference(f.object('recovery'), new RegExp(`^${RECOVERY.replace('.', '\\.')}$`)),
    reencrypt: f.flag('reencrypt'),
  };
  document.generations.forEach((g, i) => {
    if (g.generation !== i + 1 || (g.previous === null) !== (i === 0))
      f.fail('generations', 'a list from 1 upwards');
  });
  if (document.generations.length !== document.generation) f.fail('generation', 'the newest one listed');
  if (document.object !== `vault/${document.revision}.json`) f.fail('revision', 'that of its object name');
  unique(
    document.slots.map((s) => s.name),
    'key names',
    object,
  );
  unique(
    document.hosts.filter((h) => !h.removed).map((h) => h.name),
    'host names',
    object,
  );
  unique(
    document.hosts.map((h) => h.key),
    'host keys',
    object,
  );
  return document;
}

/** The newest generation of a document. */
export function newestGeneration(document: Pick<VaultDocument, 'generations'>): Generation {
  return document.generations[document.generations.length - 1]!;
}
