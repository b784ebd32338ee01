// How the dump of a stream gets back to where it came from, by its settings: what `restore --load` has to be told, and where
// its server was. No setting holds a secret; each names the place of one.

export interface LocalStream {
  readonly name: string;
  /** Such as `postgres`. */
  readonly type: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A stream, for whoever has to load it. */
export interface RunbookStream {
  readonly name: string;
  readonly type: string;
  /** `load`: by `restore --load`. `roles`: of a whole server, which a person looks through first. `by-hand`: nobody says how. */
  readonly way: 'load' | 'roles' | 'by-hand';
  /** The database or file that it was; undefined where the settings do not say. */
  readonly into: string | undefined;
  /** Where its server was: `db.internal, port 5432`. */
  readonly at: string | undefined;
  readonly user: string | undefined;
  /** Where what opens it is read from: `DB_PASSWORD in .env`, by the name of the setting. */
  readonly secrets: readonly (readonly [setting: string, where: string])[];
}

export function streamFacts({ name, type, settings }: LocalStream): RunbookStream {
  const text = (key: string) => textIn(settings[key]);
  const { port } = settings;
  const place = text('host') ?? text('socket');
  const isGlobals = type === 'postgres' && settings.format === 'globals';
  const isByHand = type === 'command' && !Array.isArray(settings.load);
  return {
    name,
    type,
    way: isGlobals ? 'roles' : isByHand ? 'by-hand' : 'load',
    // A Redis server reads a file of that name when it starts.
    into: type === 'redis' ? 'dump.rdb' : type === 'command' ? undefined : (text('database') ?? text('file')),
    at: place !== undefined && typeof port === 'number' ? `${place}, port ${port}` : place,
    user: text('user'),
    secrets: secretsOf(settings),
  };
}

const textIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function secretsOf({ env, ...settings }: LocalStream['settings']): RunbookStream['secrets'] {
  return Object.entries({ ...settings, ...(env as LocalStream['settings'] | undefined) }).flatMap(
    ([name, value]) => {
      const where = sourceOf(value);
      return where === undefined ? [] : [[name, where] as const];
    },
  );
}

/** `{ file }`, `{ env }` or `{ dotenv, key }`, as they name a secret. */
function sourceOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { file, env, dotenv, key } = value as Readonly<Record<string, unknown>>;
  if (typeof dotenv === 'string') return `${String(key)} in ${dotenv}`;
  if (typeof file === 'string') return file;
  return typeof env === 'string' ? `variable ${env}` : undefined;
}
