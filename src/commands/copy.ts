// `strongroom copy`: mirrors the vault to another place, without any key.
import { StrongroomError, UsageError } from '../errors.ts';
import type { CopyResult } from '../vault/copy/apply.ts';
import { copyAsPlanned, planCopyTo } from '../vault/copy/copy.ts';
import type { CopyPlan } from '../vault/copy/plan.ts';
import { defineCommand, type Fields } from './command.ts';
import type { Context } from './context.ts';
import { openPlace, placeAt } from './copy/place.ts';
import { replicasOf } from './copy/replicas.ts';
import { warnOf } from './copy/warn.ts';
import { openLocked } from './open.ts';

interface Copied {
  readonly to: string;
  readonly plan: CopyPlan;
  /** Undefined for a dry run. */
  readonly result: CopyResult | undefined;
}

interface Outcome {
  readonly copies: readonly Copied[];
  readonly failures: readonly { readonly to: string; readonly error: StrongroomError }[];
}

export const command = defineCommand({
  description: [
    'Mirrors the vault to another place: a directory, of a disk that is kept elsewhere perhaps, or a bucket. Only what is missing there is sent, and only what is as signed; every key goes along, as it is, so that the copy opens as the vault does. Killed at any time, the copy is a sound vault as far as it goes.',
    'At the copy only that goes which somebody removed from the vault and signed for, what a rotation replaced, and keys that were taken away. Whatever else is gone from the vault stays there.',
    'Where this machine may not list the copy, everything is offered again each time; where it may not read it, nothing there is checked, and nothing goes.',
    'After a rotation that this machine only followed it stops until `strongroom trust`: whoever held the old key may have made it up.',
  ],
  needs:
    'the pin, read access here and create access there (list, read and delete where they are given); no key',
  args: {},
  flags: {
    to: { value: 'LOCATION', repeat: true, summary: 'where to; else the replicas of the configuration' },
    set: { value: 'SET', summary: 'only the snapshots of this set' },
    recheck: { summary: 'also read back what is there already, and replace what is damaged' },
    anew: { summary: 'begin again where there was a copy and is none now' },
    dryRun: { summary: 'say what would be copied, and write nothing' },
  },
  examples: [
    ['copy --to /mnt/offsite/shop', 'bring the copy on a disk up to date'],
    ['copy --to s3://acme-copies/shop --dry-run', 'see what is missing there'],
    ['copy', 'bring every replica of strongroom.yaml up to date'],
  ],
  async run({ flags }, context): Promise<Outcome> {
    const places =
      flags.to.length > 0
        ? flags.to.map((to) => placeAt(to, context.cwd))
        : (await replicasOf(context)).map(({ location }) => location);
    if (places.length === 0) {
      throw new UsageError('no-place', 'nothing says where to copy the vault', {
        hint: 'give --to LOCATION, or name replicas in strongroom.yaml',
      });
    }
    // Never with --trust-new: what nothing vouches for is not spread.
    const source = await openLocked(context);
    const copies: Copied[] = [];
    const failures: { to: string; error: StrongroomError }[] = [];
    for (const to of places) {
      try {
        const plan = await planCopyTo(source, await openPlace(context, to, true), {
          recheck: flags.recheck,
          anew: flags.anew,
          ...(flags.set === undefined ? {} : { set: flags.set }),
        });
        const result = flags.dryRun ? undefined : await copyAsPlanned(plan, showing(context, to));
        warnOf(context, to, plan, result);
        copies.push({ to, plan, result });
      } catch (error) {
        // A disk that is away must not keep the others from their copy.
        const goOn = error instanceof StrongroomError && places.length > 1 && !context.signal.aborted;
        if (!goOn) throw error;
        failures.push({ to, error });
      }
    }
    const [first] = failures;
    if (first && copies.length === 0) throw first.error;
    for (const { to, error } of failures)
      context.warn(error.code, `nothing was copied to ${to}: ${error.message}`, {
        object: to,
        severity: 'error',
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
    return { copies, failures };
  },
  human({ copies }, out) {
    for (const { to, plan, result } of copies) {
      if (!result) {
        for (const { snapshot } of plan.missing) out.line(`${snapshot.id} of ${snapshot.set}`);
        const { removed, unnamed, replaced } = plan.removals;
        const goes = removed.length + unnamed.length + replaced.flatMap((r) => r.objects).length;
        const also = goes > 0 ? `, and remove ${out.count(goes, 'object')}` : '';
        out.note(`${to}: would copy ${out.count(plan.missing.length, 'snapshot')}${also}`);
        continue;
      }
      const { copied, bytes, objects, removed } = result;
      const gone = removed > 0 ? `, ${out.count(removed, 'object')} removed` : '';
      const all = copied.length + plan.there.size;
      // What nobody looked at is not called a copy.
      if (!plan.target.mayRead)
        out.note(
          `${to}: offered ${out.count(copied.length, 'snapshot')}; ${out.count(plan.there.size, 'snapshot')} there by name, not checked`,
        );
      else if (objects === 0 && removed === 0)
        out.note(`${to}: up to date with ${out.count(all, 'snapshot')}`);
      else
        out.note(
          `${to}: copied ${out.count(copied.length, 'snapshot')} (${out.count(objects, 'object')}, ${out.size(bytes)})${gone}; it has ${all}`,
        );
    }
  },
  json({ copies, failures }, line) {
    for (const { to, plan, result } of copies) {
      for (const s of result?.copied ?? plan.missing.map((m) => m.snapshot))
        line('copied', { to, id: s.id, set: s.set, host: s.host, bytes: s.stored, dry_run: !result });
      for (const f of result?.findings ?? plan.findings) line('finding', { to, ...f });
      line('copy', fieldsOf({ to, plan, result }));
    }
    for (const { to, error } of failures)
      line('error', { to, code: error.code, message: error.message, hint: error.hint });
    const [only, ...others] = copies;
    if (only && others.length + failures.length === 0) return fieldsOf(only);
    const sum = (of: (copied: Copied) => number) => copies.reduce((total, one) => total + of(one), 0);
    return {
      places: copies.length + failures.length,
      snapshots: sum(({ plan, result }) => result?.copied.length ?? plan.missing.length),
      failed: sum(({ result }) => result?.failed.length ?? 0),
      bytes: sum(({ result }) => result?.bytes ?? 0),
      dry_run: copies.every(({ result }) => !result),
    };
  },
  exitCode({ copies, failures }) {
    const findings = copies.flatMap(({ plan, result }) => result?.findings ?? plan.findings);
    if (findings.some((f) => f.severity === 'error')) return 13;
    const isPart = copies.some(
      ({ result }) => (result?.failed.length ?? 0) > 0 || result?.leftOpens === true,
    );
    return isPart || failures.length > 0 ? 3 : 0;
  },
});

function showing(context: Context, to: string) {
  return {
    onProgress: ({ snapshots, of }: { snapshots: number; of: number }) =>
      context.progress.update({ phase: `copying to ${to}`, done: snapshots, total: of, unit: 'snapshots' }),
  };
}

function fieldsOf({ to, plan, result }: Copied): Fields {
  return {
    to,
    snapshots: result?.copied.length ?? plan.missing.length,
    there: plan.there.size,
    failed: result?.failed.length ?? 0,
    objects: result?.objects ?? 0,
    bytes: result?.bytes ?? 0,
    mended: result?.mended.length ?? 0,
    removed: result?.removed ?? 0,
    left: result?.left ?? 0,
    checked: plan.target.mayRead,
    ...(result?.old ? { old_versions: true, locked_until: result.old.until?.toISOString() } : {}),
    dry_run: result === undefined,
  };
}
