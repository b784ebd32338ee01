// `strongroom config`: validate, show and schema. The rules of the file are not here; the context knows them.

import { UsageError } from '../errors.ts';
import type { Objectives } from '../vault/drill/result.ts';
import type { DrillSettings } from '../vault/drill/settings.ts';
import { isEmptyPolicy } from '../vault/prune/retention.ts';
import { defineCommand } from './command.ts';
import type { Config, Context, Settings, StreamConfig } from './context.ts';

export const validate = defineCommand({
  description: [
    'Says whether the file that would be used is sound, and where it is not. Nothing else is read.',
  ],
  args: {},
  flags: {},
  examples: [
    ['config validate', 'check strongroom.yaml here or above'],
    ['config validate --env prod', 'check strongroom.prod.yaml'],
  ],
  async run(_input, context) {
    const { configFile, config } = await context.settings();
    if (configFile === undefined || config === undefined) {
      throw new UsageError('config-not-found', 'there is no strongroom.yaml here or above', {
        object: 'strongroom.yaml',
        hint: 'give --config FILE, or run `strongroom init` to make one',
      });
    }
    // What no store would take is no sound setting; nothing is asked there.
    const places = config.location === undefined ? [] : [config.location];
    for (const place of [...places, ...config.replicas.map((replica) => replica.location)])
      await (await context.world()).openStore(place, await context.settings());
    // Settings that contradict each other would stop a backup later.
    for (const { root, streams, drill } of config.sets.values())
      for (const stream of [...streams, ...tried(drill)]) await (await context.world()).stream(stream, root);
    warnUnpruned(config, context);
    return { file: configFile, sets: [...config.sets.keys()] };
  },
  human({ file, sets }, out) {
    out.note(
      `${file} is sound: ${out.count(sets.length, 'set')}${sets.length > 0 ? ` (${sets.join(', ')})` : ''}`,
    );
  },
  json: ({ file, sets }) => ({ file, sets }),
});

export const show = defineCommand({
  description: [
    'Flags go over the environment, and the environment over the file. No secret is shown or read.',
  ],
  args: {},
  flags: {},
  examples: [['config show', 'what would be used here, and why']],
  async run(_input, context) {
    return { rows: settingRows(await context.settings(), context) };
  },
  human({ rows }, out) {
    out.table(
      [{ head: 'SETTING' }, { head: 'VALUE' }, { head: 'FROM' }],
      rows.map(({ setting, value, from }) => [setting, value, out.styled('dim', from)]),
    );
  },
  json({ rows }, line) {
    for (const row of rows) line('setting', { ...row });
    return { settings: rows.length };
  },
});

export const schema = defineCommand({
  description: ['For editors and checks: the whole schema of strongroom.yaml.'],
  args: {},
  flags: {},
  examples: [['config schema > strongroom.schema.json', 'keep it for an editor']],
  async run(_input, context) {
    return { schema: await context.configSchema() };
  },
  human(result, out) {
    out.raw(`${JSON.stringify(result.schema, null, 2)}\n`);
  },
  json: (result) => ({ schema: result.schema }),
});

/** Streams that only a drill loads. */
function tried({ streams }: DrillSettings): StreamConfig[] {
  return [...streams].flatMap(([name, { settings }]) =>
    settings === undefined ? [] : [{ name, ...settings, takes: [] }],
  );
}

/** A prune that nothing tells what to keep never removes anything, and a full disk is far from here. */
function warnUnpruned({ sets }: Config, context: Context): void {
  for (const { name, retention, pruneAfterBackup } of sets.values()) {
    const isEmpty = retention !== undefined && isEmptyPolicy(retention);
    if (!isEmpty && !(pruneAfterBackup && retention === undefined)) continue;
    const why = isEmpty
      ? 'its retention has no rule of what to keep'
      : 'prune: after-backup has no retention to go by';
    context.warn('no-retention', `nothing of the set ${name} is ever pruned: ${why}`, {
      object: `sets.${name}`,
      hint: 'say what stays: `retention: { daily: 30, weekly: 12, minimum: 5 }`',
      severity: 'error',
    });
  }
}

interface SettingRow {
  readonly setting: string;
  readonly value: string;
  readonly from: string;
}

function settingRows(
  settings: Settings,
  { paths, secrets }: Pick<Context, 'paths' | 'secrets'>,
): SettingRow[] {
  const { location, env, configFile, config, origins } = settings;
  const rows: SettingRow[] = [];
  const add = (setting: string, value: string | undefined, from: string | undefined): void => {
    if (value !== undefined) rows.push({ setting, value, from: from ?? 'default' });
  };
  add('config', configFile, origins.get('configFile'));
  add('env', env, origins.get('env'));
  add('location', location, origins.get('location'));
  if (config?.pin !== undefined) {
    const { vault, generation, revision, authority } = config.pin;
    add(
      'pin',
      `vault ${vault}, generation ${generation}, revision ${revision}, ${authority}`,
      origins.get('pin'),
    );
  }
  for (const [key, value] of Object.entries(config?.s3 ?? {}))
    add(`s3.${key}`, shownSetting(value), configFile);
  if (config?.kms.length) add('kms', config.kms.join(', '), configFile);
  if (config?.notify?.length) add('notify', config.notify.map(({ kind }) => kind).join(', '), configFile);
  const addObjectives = (of: string, objectives: Objectives, from: string | undefined): void => {
    for (const [key, ms] of Object.entries(objectives)) add(`${of}objectives.${key}`, `${ms / 1000} s`, from);
  };
  addObjectives('', config?.objectives ?? {}, configFile);
  add('drill.scratch', config?.drill.scratch, configFile);
  for (const set of config?.sets.values() ?? []) {
    const { name, root, streams, objectives, drill, restore } = set;
    const from = origins.get('sets');
    add(`sets.${name}.root`, root, from);
    for (const key of ['include', 'exclude', 'discover', 'outside'] as const) {
      const list = set[key] ?? [];
      if (list.length > 0) add(`sets.${name}.${key}`, list.join(', '), from);
    }
    for (const stream of streams) add(`sets.${name}.streams.${stream.name}`, stream.type, from);
    addObjectives(`sets.${name}.`, objectives, from);
    for (const [stream, { skip, queries }] of drill.streams)
      add(
        `sets.${name}.drill.streams.${stream}`,
        skip ? 'skipped' : `loaded, ${queries.length} asked of it`,
        from,
      );
    for (const { name: own, run } of drill.commands) add(`sets.${name}.drill.commands.${own}`, run[0], from);
    const { owner, modes } = restore;
    if (owner) add(`sets.${name}.restore.owner`, `${owner.uid}:${owner.gid}`, from);
    const wished = modes.map(({ glob, mode }) => `${glob} ${mode.toString(8).padStart(4, '0')}`);
    if (wished.length > 0) add(`sets.${name}.restore.modes`, wished.join(', '), from);
  }
  const given = (yes: boolean): string => (yes ? 'given' : 'not given');
  add('passphrase', given(secrets.passphraseGiven), 'STRONGROOM_PASSPHRASE…');
  add('identities', given(secrets.identitiesGiven), 'STRONGROOM_IDENTITY_FILE');
  add('state', paths.state, 'this user');
  return rows;
}

function shownSetting(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, item]) => `${key} ${shownSetting(item)}`)
    .join(', ');
}
