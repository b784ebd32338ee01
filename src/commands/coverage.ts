// `strongroom coverage`: would the next backup take what the deployment refers to?
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { trackedFiles } from '../host/git.ts';
import { coverage } from '../vault/coverage/coverage.ts';
import type { RootCoverage } from '../vault/coverage/item.ts';

import { setsToBackUp } from './backup/sets.ts';
import { defineCommand, type Out } from './command.ts';
import type { Context } from './context.ts';
import { showLegend, showRoot } from './coverage/show.ts';
import { heldBySnapshots } from './coverage/snapshots.ts';
import { credentialFiles } from './credential-files.ts';
import { trustNew } from './open.ts';

interface Outcome {
  readonly roots: readonly RootCoverage[];
  /** Snapshots that were looked into; undefined where the vault was not asked. */
  readonly snapshots: readonly string[] | undefined;
  readonly strict: boolean;
  /** Whether only what is amiss is told. */
  readonly quiet: boolean;
  readonly hasSets: boolean;
}

export const command = defineCommand({
  description: [
    'Follows what compose files, kustomizations, manifests and environment files refer to, and says of each file whether the next backup would take it. Also lists what looks secret and nobody refers to, and secrets that git tracks or others may read. No value is ever shown.',
    'Exit code 5 when the deployment would lack something after a restore. Where STRONGROOM_PASSPHRASE… or STRONGROOM_IDENTITY_FILE opens the vault, it also says whether the last snapshot has each file, and in this version.',
    'Run it where the deployment is: a clone, as a pipeline has it, lacks the .env that git does not have. --quiet leaves only what is lacking, and warnings.',
  ],
  needs: 'nothing; for the last snapshot, read access and one way to open the vault',
  args: {
    path: {
      value: 'PATH',
      optional: true,
      summary: 'a directory to look at; else the roots of the configured sets, or here',
    },
  },
  flags: {
    snapshot: {
      value: 'SNAPSHOT',
      summary: 'look into this snapshot of each set, or with `none` into none',
      offers: ['latest', 'none'],
    },
    strict: { summary: 'fail for warnings too' },
    trustNew,
  },
  examples: [
    ['coverage', 'every set of strongroom.yaml'],
    ['coverage --json --snapshot none', 'on the host that is deployed to, without the vault'],
    ['coverage ./app', 'a directory, whether it is configured or not'],
    ['coverage --strict', 'fail for stray, tracked and readable secrets too'],
  ],
  async run({ args, flags }, context): Promise<Outcome> {
    const settings = await context.settings();
    const hasSets = (settings.config?.sets.size ?? 0) > 0;
    const sets = hasSets ? setsToBackUp([], { set: undefined, exclude: [] }, settings, context.cwd) : [];
    const path = args.path === undefined && hasSets ? undefined : directory(args.path ?? '.', context);
    const held = await heldBySnapshots(flags.snapshot, flags.trustNew, sets, context);
    const { env, signal } = context;
    const roots = await coverage({
      sets,
      ...(path === undefined ? {} : { path }),
      now: context.now(),
      env,
      signal,
      tracked: (paths) => trackedFiles(paths, { env, signal }),
      credentials: await credentialFiles(context),
      ...(held?.of ? { held: held.of } : {}),
    });
    const { quiet } = context.options;
    return { roots, snapshots: held?.snapshots, strict: flags.strict, quiet, hasSets };
  },
  human(outcome, out) {
    for (const [index, root] of outcome.roots.entries()) {
      if (index > 0 && !outcome.quiet) out.line();
      showRoot(root, out, outcome.quiet);
    }
    if (!outcome.quiet) showLegend(outcome.roots, out);
    showNext(outcome, out);
  },
  json(outcome, line) {
    for (const { root, items, secrets, doubts } of outcome.roots) {
      for (const { state, as, ...rest } of items) line('reference', { root, state, as, ...rest });
      for (const file of secrets) {
        const findings = file.findings.map(({ rule, line: at }) => ({ rule, line: at }));
        line('secret', { root, ...file, findings });
      }
      for (const doubt of doubts) line('doubt', { root, ...doubt });
    }
    for (const { root, next } of outcome.roots) if (next) line('next', { root, ...next });
    return { ...counts(outcome), ok: codeOf(outcome) === 0, snapshots: outcome.snapshots };
  },
  exitCode: codeOf,
});

/** @throws UsageError `no-directory` */
function directory(given: string, { cwd }: Context): string {
  const path = resolve(cwd, given);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new UsageError('no-directory', `there is no directory ${given} to look at`, {
    object: path,
    hint: 'give the directory that the deployment is in',
  });
}

function counts({ roots }: Outcome) {
  const items = roots.flatMap((root) => root.items);
  const secrets = roots.flatMap((root) => root.secrets);
  const doubts = roots.flatMap((root) => root.doubts);
  const paths = (wanted: (item: (typeof items)[number]) => boolean) =>
    new Set(items.filter(wanted).map((item) => item.path)).size;
  const of = (state: (typeof items)[number]['state']) => paths((item) => item.state === state);
  return {
    roots: roots.length,
    references: paths(() => true),
    covered: of('covered'),
    uncovered: of('uncovered'),
    missing: of('missing'),
    outside: of('outside'),
    too_large: of('too-large'),
    unreadable: of('unreadable'),
    excluded: of('excluded'),
    lacking: paths((item) => item.lacking) + doubts.filter((doubt) => doubt.lacking).length,
    warned: paths((item) => item.warned),
    stray: secrets.filter((file) => file.stray).length,
    tracked: secrets.filter((file) => file.tracked).length,
    readable: secrets.filter((file) => file.readable !== undefined).length,
    doubts: doubts.length,
    git: roots.every((root) => root.gitKnown) ? 'known' : 'unknown',
  };
}

function codeOf(outcome: Outcome): 0 | 5 {
  const { lacking, warned, stray, tracked, readable, doubts } = counts(outcome);
  const warnings = warned + stray + tracked + readable + doubts;
  return lacking > 0 || (outcome.strict && warnings > 0) ? 5 : 0;
}

function showNext(outcome: Outcome, out: Out): void {
  const { references, covered, lacking, stray, tracked, readable } = counts(outcome);
  const excluded = new Set(
    outcome.roots
      .flatMap(({ items }) => items.filter((i) => i.warned && i.state === 'excluded'))
      .map((i) => i.path),
  ).size;
  const more = [
    ...(excluded > 0 ? [`${excluded} excluded`] : []),
    ...(stray > 0 ? [`${out.count(stray, 'stray secret')}`] : []),
    ...(tracked > 0 ? [`${tracked} tracked by git`] : []),
    ...(readable > 0 ? [`${readable} readable by others`] : []),
  ];
  const what = `${covered} of ${out.count(references, 'file')} that the deployment refers to would be taken`;
  const summary = `${[what, ...more.slice(0, 1)].join('; ')}${more
    .slice(1)
    .map((one) => `, ${one}`)
    .join('')}.`;
  if (lacking > 0) out.line(out.styled('red', `${lacking} would be lacking`), `: ${summary}`);
  else if (!outcome.quiet) out.line(summary);
  for (const { next } of outcome.roots) {
    if (!next) continue;
    out.line(`To take them, in strongroom.yaml under sets.${next.set}:`);
    if (next.include) out.line(`    include: ${flow(next.include)}`);
    if (next.outside) out.line(`    outside: ${flow(next.outside)}`);
  }
  if (!outcome.hasSets && references > 0 && !(outcome.quiet && lacking === 0))
    out.line(
      'There is no set to take them: run `strongroom init`, which makes a vault and a strongroom.yaml.',
    );
}

/** A list of YAML on one line. */
function flow(patterns: readonly string[]): string {
  return `[${patterns.map((pattern) => JSON.stringify(pattern)).join(', ')}]`;
}
