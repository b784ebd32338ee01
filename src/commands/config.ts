// `strongroom config`: validate, show and schema. The rules of the file are not here; the context knows them.

import { UsageError } from '../errors.ts';
import { defineCommand } from './command.ts';
import type { Context, Settings } from './context.ts';

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
    if (config.location !== undefined)
      await (await context.world()).openStore(config.location, await context.settings());
    // Settings that contradict each other would stop a backup later.
    for (const { root, streams } of config.sets.values())
      for (const stream of streams) (await context.world()).stream(stream, root);
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
  description: ['For editors and checks: the whole schema, with keys that only later versions will take.'],
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
  for (const set of config?.sets.values() ?? []) {
    const { name, root, streams, objectives, restore } = set;
    const from = origins.get('sets');
    add(`sets.${name}.root`, root, from);
    for (const key of ['include', 'exclude', 'discover', 'outside'] as const) {
      const list = set[key] ?? [];
      if (list.length > 0) add(`sets.${name}.${key}`, list.join(', '), from);
    }
    for (const stream of streams) add(`sets.${name}.streams.${stream.name}`, stream.type, from);
    if (objectives.rpo !== undefined) add(`sets.${name}.objectives.rpo`, `${objectives.rpo / 1000} s`, from);
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
