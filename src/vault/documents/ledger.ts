// Ledger entries: signed removals, and what is to be kept (docs/format.md section 8). Shape only; which count is
// src/vault/ledger.ts.
import { timeOfSnapshotId } from '../names.ts';
import { type Fields, fields } from './shape.ts';

export interface Removal {
  readonly set: string;
  readonly id: string;
  /** SHA-256 of the removed record's whole object. */
  readonly sha256: string;
}

export interface Keep {
  readonly set: string;
  readonly id: string;
  /** SHA-256 of the whole record that its host signed, re-encrypted since or not. */
  readonly sha256: string;
}

/** A `keep` entry that is over. */
export interface Release {
  readonly object: string;
  /** SHA-256 of its whole object. */
  readonly sha256: string;
}

export type LedgerAction = 'delete' | 'prune' | 'keep' | 'release' | 'reencrypt' | 'remove-host';

export interface LedgerEntry {
  readonly format: 1;
  readonly type: 'ledger';
  readonly object: string;
  readonly vault: string;
  readonly time: string;
  readonly tool: string;
  readonly revision: number;
  readonly generation: number;
  /** A host's name, or `authority`. */
  readonly by: string;
  readonly action: LedgerAction;
  readonly removes: readonly Removal[];
  /** For `keep`: the snapshots, and until when; for ever where it is left out. */
  readonly keeps?: readonly Keep[];
  readonly until?: string;
  /** For `release`. */
  readonly releases?: readonly Release[];
  /** For `remove-host`: the host, and digests of its records and ledger entries that still count. */
  readonly host?: string;
  readonly records?: readonly string[];
  readonly entries?: readonly string[];
}

const ACTIONS: readonly string[] = ['delete', 'prune', 'keep', 'release', 'reencrypt', 'remove-host'];

/**
 * Reads a ledger entry whose signature has been verified.
 * @param json the parsed body
 * @param vault id of the vault it is read for
 * @throws IntegrityError `bad-document`, also when it stands under another name or belongs to another vault
 */
export function readLedgerEntry(json: unknown, object: string, vault: string): LedgerEntry {
  const f = fields(json, object);
  if (f.text('type') !== 'ledger') f.fail('type', '`ledger`');
  if (f.text('object') !== object) f.fail('object', 'the name under which it stands');
  if (f.text('vault') !== vault) f.fail('vault', 'this vault');
  const action = f.text('action');
  if (!ACTIONS.includes(action)) f.fail('action', 'one that this version knows');
  return {
    format: 1,
    type: 'ledger',
    object,
    vault,
    time: f.time('time'),
    tool: f.text('tool', { max: 256 }),
    revision: f.integer('revision', 1),
    generation: f.integer('generation', 1),
    by: f.name('by'),
    action: action as LedgerAction,
    removes: f.list('removes', readSnapshotDigest),
    ...readMore(f, action),
  };
}

/** The fields that only entries with this action have. */
function readMore(f: Fields, action: string): Partial<LedgerEntry> {
  switch (action) {
    case 'keep':
      return {
        keeps: f.list('keeps', readSnapshotDigest),
        ...(f.optionalText('until') === undefined ? {} : { until: f.time('until') }),
      };
    case 'release':
      return {
        releases: f.list('releases', (r) => ({
          object: r.text('object', { max: 512 }),
          sha256: r.sha256('sha256'),
        })),
      };
    case 'remove-host':
      return { host: f.name('host'), records: f.texts('records'), entries: f.texts('entries') };
    default:
      return {};
  }
}

function readSnapshotDigest(r: Fields): Removal {
  const id = r.text('id', { max: 23 });
  if (timeOfSnapshotId(id) === undefined) r.fail('id', 'a snapshot id');
  return { set: r.name('set'), id, sha256: r.sha256('sha256') };
}
