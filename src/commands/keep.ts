// `strongroom keep`: snapshots that nobody deletes before they are released or their time is over.
import { UsageError } from '../errors.ts';
import { applyKeep, type KeepPlan, planKeep, planRelease } from '../vault/keep.ts';
import { documentTime } from '../vault/names.ts';
import { parseAt } from '../vault/select.ts';
import { readSnapshots, type Snapshot } from '../vault/snapshots.ts';
import { chooseFrom } from './choose.ts';
import { defineCommand, type Fields } from './command.ts';
import { warnHolds } from './kept.ts';
import { openLocked, thisHost } from './open.ts';

export const command = defineCommand({
  description: [
    'Keeps the snapshots named: nobody deletes one before it is released or its time is over. Run it again to keep for longer.',
    'In a bucket with Object Lock in the settings it also puts a legal hold on them, which stops whoever may delete versions. A hold has no date: once a time is over, the next `keep` or `delete` lifts it.',
  ],
  needs:
    'read and create access (on S3 with Object Lock also s3:PutObjectLegalHold), on a host that may maintain; no key',
  args: {
    snapshots: {
      value: 'SNAPSHOT',
      repeat: true,
      summary: 'id, unique beginning of one, latest, latest~2 or @label',
    },
  },
  flags: {
    until: {
      value: 'TIME',
      summary: 'keep until then (local time unless it names a zone); for ever if left out',
    },
    release: { summary: 'keep them no longer' },
    set: { value: 'SET', summary: 'the set' },
    host: { value: 'HOST', summary: 'the host that made it' },
    dryRun: { summary: 'say what would be kept or released, and change nothing' },
  },
  examples: [
    ['keep 20261120T055812Z-7k3f9q', 'keep one snapshot for ever'],
    ['keep @audit --set app --until 2036-12-31', 'keep one for ten years'],
    ['keep --release 20261120T055812Z-7k3f9q', 'let it go like any other'],
  ],
  async run({ args, flags }, context) {
    const until = flags.until === undefined ? undefined : parseAt(flags.until);
    if (until && flags.release) {
      throw new UsageError('until-and-release', '--until and --release do not go together', {
        hint: 'to keep for a shorter time, release first and keep again',
      });
    }
    if (until && until <= context.now()) {
      throw new UsageError('bad-time', `--until ${flags.until} is over already`, {
        hint: 'give a time to come',
      });
    }
    const vault = await openLocked(context);
    const read = await readSnapshots(vault, flags.set === undefined ? {} : { set: flags.set });
    const chosen = new Map<string, Snapshot>();
    for (const selector of args.snapshots) {
      const snapshot = await chooseFrom(context, vault, read, selector, { ...flags, at: undefined });
      chosen.set(snapshot.object, snapshot);
    }
    const snapshots = [...chosen.values()];
    const host = await thisHost(context);
    const plan = flags.release
      ? planRelease(vault, read, snapshots, host)
      : planKeep(vault, read, snapshots, host, until);
    const refused = flags.dryRun ? undefined : await applyKeep(vault, plan, host);
    warnHolds(context, refused);
    const rows = snapshots.map((s) => rowOf(s, plan, flags.release));
    const isHolding = vault.store.holds !== undefined;
    return {
      rows,
      lapsed: plan.lapsed.entries.length,
      until,
      isHolding,
      isDry: flags.dryRun,
      isHeld: !refused,
    };
  },
  human({ rows, lapsed, until, isHolding, isDry }, out) {
    const time = until ? ` until ${out.time(until)}` : '';
    for (const { id, set, what } of rows) {
      const name = `${id} of ${set}`;
      const words = {
        kept: isDry ? `would keep ${name}${time}` : `kept ${name}${time}`,
        'kept-already': `${name} is kept at least as long already`,
        released: isDry ? `would release ${name}` : `released ${name}`,
        'released-already': `${name} was released already`,
      };
      if (isDry) out.line(words[what]);
      else out.note(words[what]);
    }
    if (lapsed > 0) {
      const did = isDry ? 'would lift' : 'lifted';
      out.note(`${did} the holds of ${out.count(lapsed, 'keep')} whose time is over`);
    }
    if (until && isHolding)
      out.note('the bucket knows no date for a hold: the first keep or delete after that time lifts it');
  },
  json({ rows, lapsed, until, isDry, isHolding, isHeld }, line) {
    const at = until ? { until: documentTime(until) } : {};
    for (const { id, set, what } of rows)
      line('keep', { id, set, what, ...(what === 'kept' ? at : {}), dry_run: isDry } satisfies Fields);
    const count = (word: What) => rows.filter(({ what }) => what === word).length;
    return {
      kept: count('kept'),
      released: count('released'),
      lapsed,
      ...(isHolding && !isDry ? { held: isHeld } : {}),
      dry_run: isDry,
    };
  },
  exitCode: ({ isHeld }) => (isHeld ? 0 : 3),
});

type What = 'kept' | 'kept-already' | 'released' | 'released-already';

function rowOf(
  { set, id, sha256 }: Snapshot,
  { keeps, ends }: KeepPlan,
  isRelease: boolean,
): { id: string; set: string; what: What } {
  const isIt = (k: { set: string; id: string; sha256: string }) => k.set === set && k.sha256 === sha256;
  const isChanged = isRelease ? ends.entries.some((e) => e.keeps?.some(isIt)) : keeps.some(isIt);
  const what = isRelease ? 'released' : 'kept';
  return { id, set, what: isChanged ? what : `${what}-already` };
}
