// `strongroom keys exposure`: after a leak, what could be read, and what of it is to be revoked at its source.
import { UsageError } from '../../errors.ts';
import { type Exposure, findExposure } from '../../vault/exposure/exposure.ts';
import { generationLeak, hostLeak, keyLeak, type Leak, readHistory } from '../../vault/exposure/leak.ts';
import { type ExposurePlan, firstGeneration, planExposure } from '../../vault/exposure/plan.ts';
import type { ExposedValue } from '../../vault/exposure/sightings.ts';
import { readLedger } from '../../vault/ledger.ts';
import { parseAt } from '../../vault/select.ts';
import { readSnapshots } from '../../vault/snapshots.ts';
import type { Vault } from '../../vault/vault.ts';
import { defineCommand, type Fields } from '../command.ts';
import { openUnlocked, pastFlag, trustNew, warnFindings } from '../open.ts';
import { csvLines } from './exposure/csv.ts';
import { assumed, exposedSnapshots, gapText, showExposure } from './exposure/text.ts';

export interface ExposureResult {
  readonly plan: ExposurePlan;
  readonly exposure: Exposure;
  readonly all: boolean;
  readonly csv: boolean;
}

interface LeakFlags {
  readonly key: string | undefined;
  readonly generation: number | undefined;
  readonly host: string | undefined;
  readonly since: string | undefined;
}

export const command = defineCommand({
  description: [
    'Lists every snapshot that a leaked key could read, and the names, never the values, of what is in them: env files, JSON, YAML, TOML, INI and PEM value by value, any other file as one. Says which still have the same value in the newest snapshot: a list to tick off while revoking.',
    'A key that was removed or rotated out is found by its name, too. Of a host, what its own snapshots hold is what it had.',
  ],
  needs: 'read access and one way to open the vault',
  args: {},
  flags: {
    key: { value: 'NAME', summary: 'a key of the vault, of today or of the past' },
    generation: {
      value: 'N',
      summary: 'the identity behind the keys itself, by its number: 1 until the first rotation',
      parse: (text: string): number | undefined => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined),
      form: 'the number of a key, such as 1',
    },
    host: { value: 'HOST', summary: 'a machine that backs up' },
    since: { value: 'TIME', summary: 'with --host: when it may have been broken into' },
    all: { summary: 'show what does not look like a secret too' },
    csv: { summary: 'write a table as CSV' },
    ...pastFlag,
    trustNew,
  },
  examples: [
    ['keys exposure --key alice', 'what the key of somebody who left could read'],
    ['keys exposure --host web-1 --since 2026-11-01', 'what a machine had that was broken into'],
    ['keys exposure --generation 1 --csv', 'everything up to the first rotation, as a table'],
  ],
  async run({ flags }, context): Promise<ExposureResult> {
    checkFlags(flags);
    if (flags.csv && context.options.json) {
      throw new UsageError('csv-and-json', '--csv and --json are two forms of one result', {
        hint: 'leave out one of them',
      });
    }
    const vault = await openUnlocked(context, flags);
    const leak = await leakOf(vault, flags);
    const read = await readSnapshots(vault);
    warnFindings(context, [...vault.findings, ...read.findings.filter((f) => f.severity === 'error')]);
    const plan = planExposure(leak, read.snapshots, (await readLedger(vault)).entries);
    const exposure = await findExposure(vault, plan, {
      onProgress: ({ done, of }) =>
        context.progress.update({ phase: 'reading', done, total: of, unit: 'snapshots' }),
    });
    for (const { snapshot, error } of exposure.unread) {
      context.warn(error.code, `${snapshot.id} of ${snapshot.set} was not read: ${error.message}`, {
        object: snapshot.id,
        hint: 'take everything in it for exposed, and run `strongroom verify`',
        severity: 'error',
      });
    }
    // On stdout they would be rows of the table.
    if (flags.csv) for (const line of assumed(plan, exposure)) context.notice(line);
    return { plan, exposure, all: flags.all, csv: flags.csv };
  },
  human(result, out) {
    if (result.csv) for (const line of csvLines(result.exposure.values)) out.line(line);
    else showExposure(result, out);
  },
  json({ plan, exposure }, line) {
    const snapshots = exposedSnapshots(plan);
    for (const snapshot of snapshots) {
      const { id, set, host, time, complete, generation } = snapshot;
      const first = firstGeneration(snapshot);
      line('snapshot', { id, set, host, time, complete, generation, first_generation: first });
    }
    for (const value of exposure.values) line('secret', valueFields(value));
    const likely = exposure.values.filter((value) => value.likely);
    return {
      leak: leakFields(plan.leak),
      snapshots: snapshots.length,
      of: plan.of,
      values: exposure.values.length,
      secrets: likely.length,
      in_use: likely.filter(({ status }) => status === 'same' || status === 'moved').length,
      unread: exposure.unread.map(({ snapshot }) => snapshot.id),
      assumed: assumed(plan, exposure),
    };
  },
  exitCode: ({ exposure }) => (exposure.unread.length > 0 ? 3 : 0),
});

function checkFlags({ key, generation, host, since }: LeakFlags): void {
  const given = [key, generation, host].filter((flag) => flag !== undefined).length;
  if (given !== 1) {
    throw new UsageError(
      'which-leak',
      given === 0 ? 'nothing says what leaked' : 'that is more than one leak',
      {
        hint: 'give one of --key, --generation and --host',
      },
    );
  }
  if (since !== undefined && host === undefined) {
    throw new UsageError('since-host', '--since is for a host: a key reads what was written before it, too', {
      hint: 'leave out --since',
    });
  }
}

async function leakOf(vault: Vault, { key, generation, host, since }: LeakFlags): Promise<Leak> {
  if (key !== undefined) return keyLeak(await readHistory(vault), key);
  if (generation !== undefined) return generationLeak(vault.document, generation);
  return hostLeak(vault.document, host!, since === undefined ? undefined : parseAt(since, '00:00:00'));
}

function valueFields({ now, facts, reason, ...value }: ExposedValue): Fields {
  const { set, host, path, name, kind, likely, status, snapshots, first, last } = value;
  const place = now && { ...now };
  return { set, host, path, name, kind, likely, status, now: place, snapshots, first, last, facts, reason };
}

function leakFields(leak: Leak): Fields {
  if (leak.kind === 'host') return { kind: leak.kind, host: leak.host, since: leak.since?.toISOString() };
  if (leak.kind === 'generation') return { kind: leak.kind, generation: leak.generation };
  const periods = leak.periods.map(({ from, to, fromRevision, toRevision }) => ({
    from,
    to,
    from_revision: fromRevision,
    to_revision: toRevision,
  }));
  const { kind, name, generation, known, missing } = leak;
  const missing_revisions = missing.map(gapText);
  return { kind, key: name, generation, known_generation: known, periods, missing_revisions };
}
