// Evidence of a drill (docs/format.md section 8). Shape and its own consistency; whether it counts is src/vault/standing.ts.
// It is public: names of sets, hosts and checks, and numbers.
import { timeOfDrillName } from '../layout.ts';
import { timeOfSnapshotId } from '../names.ts';
import { type Fields, fields } from './shape.ts';

/** How often a check came to each outcome. */
export interface CheckCount {
  /** A later version may know others than this one. */
  readonly check: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A set of a host. */
export interface DrilledPart {
  readonly set: string;
  /** Absent for a set that no host wrote: it did not pass. */
  readonly host?: string;
  /** The snapshot that was restored, and the SHA-256 of the whole record that its host signed; absent where there was none. */
  readonly id?: string;
  readonly sha256?: string;
  readonly older: boolean;
  readonly passed: boolean;
  /** In seconds, as everything here. */
  readonly recoveryPoint?: number;
  readonly recoveryTime?: number;
  /** Entries and stored bytes, as the record says them. */
  readonly files: number;
  readonly bytes: number;
  readonly checks: readonly CheckCount[];
}

export interface Drill {
  readonly format: 1;
  readonly type: 'drill';
  readonly object: string;
  readonly vault: string;
  readonly time: string;
  readonly tool: string;
  readonly revision: number;
  readonly generation: number;
  readonly began: string;
  readonly seconds: number;
  readonly passed: boolean;
  readonly recoveryPoint?: number;
  readonly recoveryTime?: number;
  readonly scratch: 'memory' | 'disk';
  /** How many things a person was to look at. */
  readonly manual: number;
  /** Of the whole. */
  readonly checks: readonly CheckCount[];
  readonly parts: readonly DrilledPart[];
}

/**
 * Reads evidence whose signature has been verified.
 * @param json the parsed body
 * @param vault id of the vault it is read for
 * @throws IntegrityError `bad-document`, also when it stands under another name, belongs to another vault, or calls passed
 *   what failed
 */
export function readDrill(json: unknown, object: string, vault: string): Drill {
  const f = fields(json, object);
  if (f.text('type') !== 'drill') f.fail('type', '`drill`');
  if (f.text('object') !== object) f.fail('object', 'the name under which it stands');
  if (f.text('vault') !== vault) f.fail('vault', 'this vault');
  const [time, began] = [f.time('time'), f.time('began')];
  // By their names they are in the order of their times, so that the newest can be read alone.
  if (timeOfDrillName(object) !== time) f.fail('time', 'that of its name');
  if (began > time) f.fail('began', 'before it was over');
  const scratch = f.text('scratch');
  if (scratch !== 'memory' && scratch !== 'disk') f.fail('scratch', 'one that this version knows');
  const passed = f.flag('passed');
  const checks = readChecks(f, passed);
  const parts = f.list('parts', readPart);
  if (passed && (parts.length === 0 || parts.some((part) => !part.passed)))
    f.fail('passed', 'what its sets say');
  return {
    format: 1,
    type: 'drill',
    object,
    vault,
    time,
    tool: f.text('tool', { max: 256 }),
    revision: f.integer('revision', 1),
    generation: f.integer('generation', 1),
    began,
    seconds: f.number('seconds'),
    passed,
    ...readRecovery(f),
    scratch: scratch as Drill['scratch'],
    manual: f.integer('manual'),
    checks,
    parts,
  };
}

function readPart(p: Fields): DrilledPart {
  const passed = p.flag('passed');
  return {
    set: p.name('set'),
    ...(passed || p.has('host') ? { host: p.name('host') } : {}),
    ...readSnapshot(p, passed),
    older: p.flag('older'),
    passed,
    ...readRecovery(p),
    files: p.integer('files'),
    bytes: p.integer('bytes'),
    checks: readChecks(p, passed),
  };
}

function readSnapshot(p: Fields, passed: boolean): Pick<DrilledPart, 'id' | 'sha256'> {
  const id = p.optionalText('id', { max: 23 });
  if (id === undefined) return passed ? p.fail('id', 'there, and nothing passes without a snapshot') : {};
  if (timeOfSnapshotId(id) === undefined) p.fail('id', 'a snapshot id');
  return { id, sha256: p.sha256('sha256') };
}

function readRecovery(f: Fields): Pick<Drill, 'recoveryPoint' | 'recoveryTime'> {
  return {
    ...(f.has('recoveryPoint') ? { recoveryPoint: f.number('recoveryPoint') } : {}),
    ...(f.has('recoveryTime') ? { recoveryTime: f.number('recoveryTime') } : {}),
  };
}

function readChecks(f: Fields, passed: boolean): CheckCount[] {
  const checks = f.list('checks', (c) => ({
    check: c.name('check'),
    passed: c.integer('passed'),
    failed: c.integer('failed'),
    skipped: c.integer('skipped'),
  }));
  if (passed && checks.some((c) => c.failed > 0)) f.fail('passed', 'what its checks say');
  return checks;
}
