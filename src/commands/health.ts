// `strongroom health`: are the backups as they should be? By what stands in the store.
import { resolve } from 'node:path';
import { NotFoundError, StrongroomError, UnlockError, UsageError } from '../errors.ts';
import { type Health, isHealthy, readHealth } from '../vault/health/health.ts';
import {
  earlierGroups,
  metricsOf,
  metricsOfFailure,
  notAsked,
  vaultOfMetrics,
} from '../vault/health/prometheus.ts';
import { checkName } from '../vault/names.ts';
import { authorityFingerprint, type UnlockedVault, type Vault } from '../vault/vault.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { openPlace } from './copy/place.ts';
import { replicasOf } from './copy/replicas.ts';
import { drillFields, groupFields } from './health/json.ts';
import { readMetrics, SUFFIX, writeMetrics } from './health/metrics-file.ts';
import { showHealth } from './health/show.ts';
import { configuredPin, openLocked, openUnlocked, trustNew } from './open.ts';
import { parseSpan, SPAN_FORM } from './span.ts';

interface Result {
  readonly vault: Vault;
  readonly health: Health;
  readonly strict: boolean;
}

export const command = defineCommand({
  description: [
    'Says of each set and host how old its newest good snapshot is, one that is complete, genuine and all there, and whether it is about as large as those before it. Names what fails, what stopped, what is missing, and who backs up in vain. It goes by what stands in the store, and needs no key.',
    'A snapshot may be as old as `objectives: { rpo: … }` of its set says, or --max-age; where nothing says, 26 hours. Sets of hosts that were removed are not held to it; a configured set and a host without any snapshot are, from when the host was enrolled. Exit code 5 when something is wrong; for warnings too with --strict.',
    'Of each replica of strongroom.yaml it says whether it is there and keeps up, by the names of what it holds; `strongroom verify --all-locations` proves it. A set of paths that was once backed up beside a configured one (`shop-paths`) is not expected again.',
    'It also knows when each set was last drilled: `objectives: { drill: … }` says how old the last drill that passed may be, of a set, and at the top of the whole.',
    'Where STRONGROOM_PASSPHRASE… or STRONGROOM_IDENTITY_FILE opens the vault, or with --unlock, it also looks for certificates in the newest snapshots that soon expire.',
  ],
  needs: 'read access to the vault; no key',
  args: {},
  flags: {
    set: { value: 'SET', summary: 'only this set' },
    host: { value: 'HOST', summary: 'only what this host writes' },
    maxAge: {
      value: 'AGE',
      summary: 'how old the newest snapshot may be, such as 26h or 8d, whatever the configuration says',
      parse: parseSpan,
      form: SPAN_FORM,
    },
    strict: { summary: 'fail for warnings too' },
    unlock: { summary: 'open the vault, asking for what opens it, and look into the newest snapshots' },
    prometheus: {
      value: 'FILE',
      summary: "write metrics for the node exporter's textfile collector, whatever the outcome",
    },
    trustNew,
  },
  examples: [
    ['health', 'every set and host'],
    ['health --quiet --strict', 'in a timer: silent while all is well'],
    ['health --prometheus /var/lib/prometheus/node-exporter/strongroom.prom', 'for Prometheus'],
  ],
  async run({ flags }, context): Promise<Result> {
    const { set, host, maxAge, strict } = flags;
    if (set !== undefined) checkName(set, 'set');
    if (host !== undefined) checkName(host, 'host');
    const file = flags.prometheus === undefined ? undefined : metricsPath(flags.prometheus, context);
    const sets = new Map<string, number | undefined>();
    const drilled = new Map<string, number>();
    const isShown = (name: string) => set === undefined || name === set;
    try {
      const { config } = await context.settings();
      const whole = config?.objectives ?? {};
      for (const [name, { objectives }] of config?.sets ?? []) {
        // Where the whole may lose no more than that, no set may.
        sets.set(name, objectives.rpo ?? whole.rpo);
        if (objectives.drill !== undefined) drilled.set(name, objectives.drill);
      }
      const unlocked = await unlockedIfAny(context, flags);
      const vault = unlocked ?? (await openLocked(context, flags));
      const health = await readHealth(vault, {
        sets,
        drills: { sets: drilled, whole: whole.drill },
        ...(set === undefined ? {} : { set }),
        ...(host === undefined ? {} : { host }),
        ...(maxAge === undefined ? {} : { maxAge }),
        ...(unlocked ? { unlocked } : {}),
        replicas: await Promise.all(
          (await replicasOf(context)).map(({ location }) => openPlace(context, location)),
        ),
      });
      checkThere(vault, health, sets, set, host);
      if (file !== undefined) {
        const { vault: id } = vault.document;
        const kept = notAsked(await readMetrics(file), id, { set, host });
        await writeMetrics(file, metricsOf(id, health, kept));
      }
      return { vault, health, strict };
    } catch (error) {
      // A file that says what was fine yesterday would be believed.
      if (file !== undefined && !isOfFile(error) && !context.signal.aborted)
        await writeFailure(file, [...sets.keys()].filter(isShown), context);
      throw error;
    }
  },
  human({ health }, out) {
    showHealth(health, out);
  },
  json({ vault, health, strict }: Result, line) {
    const { groups, problems, time, underOlderKey, isOpened, drills } = health;
    for (const group of groups) line('group', groupFields(group, problems, drills.parts.get(group)));
    for (const { unsound, ...problem } of problems)
      line('problem', { ...problem, unsound: unsound ?? false });
    const wrong = problems.filter((p) => p.severity === 'wrong').length;
    return {
      ok: codeOf({ health, strict }) === 0,
      wrong,
      warnings: problems.length - wrong,
      groups: groups.length,
      snapshots: groups.reduce((sum, g) => sum + g.snapshots, 0),
      under_older_key: underOlderKey,
      opened: isOpened,
      ...drillFields(drills.whole),
      time: time.toISOString(),
      vault: vault.document.vault,
      name: vault.document.name,
      fingerprint: authorityFingerprint(vault.document),
      trust: vault.trust,
    };
  },
  exitCode: (result: Result) => codeOf(result),
});

function codeOf({ health, strict }: Pick<Result, 'health' | 'strict'>): 0 | 5 {
  return isHealthy(health) && !(strict && health.problems.length > 0) ? 0 : 5;
}

function metricsPath(given: string, context: Context): string {
  const path = resolve(context.cwd, given);
  if (!path.endsWith(SUFFIX)) {
    const hint = `give --prometheus a name that ends in ${SUFFIX}`;
    context.warn('not-collected', `the node exporter reads no file of the name ${given}`, {
      object: path,
      hint,
    });
  }
  return path;
}

/** The vault with its key in hand, where it can be had without a question, or was asked for. */
async function unlockedIfAny(
  context: Context,
  flags: { readonly unlock: boolean; readonly trustNew: boolean },
): Promise<UnlockedVault | undefined> {
  const { secrets } = context;
  if (flags.unlock) return await openUnlocked(context, flags);
  if (!secrets.passphraseGiven && !secrets.identitiesGiven) return undefined;
  try {
    return await openUnlocked(context, flags);
  } catch (error) {
    if (!(error instanceof UnlockError || error instanceof UsageError) || context.signal.aborted) throw error;
    context.warn('not-opened', `the newest snapshots were not looked into: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.object === undefined ? {} : { object: error.object }),
    });
    return undefined;
  }
}

/** A name with a slip in it would look as if all were well. */
function checkThere(
  { document }: Vault,
  { groups }: Health,
  sets: ReadonlyMap<string, unknown>,
  set: string | undefined,
  host: string | undefined,
): void {
  if (groups.length > 0) return;
  const hint = 'see what there is with `strongroom list` and `strongroom hosts list`';
  if (host !== undefined && !document.hosts.some((h) => h.name === host && h.removed === undefined))
    throw new NotFoundError('no-host', `the vault has no host ${host}`, { hint });
  if (set !== undefined && !sets.has(set))
    throw new NotFoundError('no-set', `the vault has no snapshots of a set ${set}`, { hint });
}

const isOfFile = (error: unknown): boolean =>
  error instanceof StrongroomError && error.code === 'metrics-not-written';

async function writeFailure(file: string, sets: readonly string[], context: Context): Promise<void> {
  const text = await readMetrics(file);
  const vault = (await knownVault(context)) ?? vaultOfMetrics(text);
  const earlier = earlierGroups(text, vault);
  const others = sets.filter((set) => !earlier.some((g) => g.type === set));
  const unknown = others.map((type) => ({ type, host: '', success: 0, isSound: false }));
  try {
    await writeMetrics(file, metricsOfFailure(vault, context.now(), [...earlier, ...unknown]));
  } catch (error) {
    // What went wrong first is the news.
    if (!(error instanceof StrongroomError)) throw error;
    const { code, message, hint, object } = error;
    context.warn(code, message, {
      severity: 'error',
      ...(hint === undefined ? {} : { hint }),
      ...(object === undefined ? {} : { object }),
    });
  }
}

/** The id of the vault that is meant, by the configuration or by what this machine remembers, as far as these can be read. */
async function knownVault(context: Context): Promise<string | undefined> {
  try {
    const pin = await configuredPin(context);
    const { location } = await context.settings();
    if (pin || location === undefined) return pin?.vault;
    return (await (await context.world()).memory.pinFor(location))?.vault;
  } catch {
    // What made the run fail is said already.
    return undefined;
  }
}
