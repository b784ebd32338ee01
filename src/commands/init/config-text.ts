// The strongroom.yaml that init writes: commented, with the pin, without any secret.
import { open, readFile } from 'node:fs/promises';
import { sqliteStreams } from '../../capture/discover/databases.ts';
import { UsageError } from '../../errors.ts';
import { type Pin, pinText } from '../../vault/pin.ts';
import type { Environment } from '../context.ts';
import type { Proposal } from './propose.ts';

export interface ConfigChoices {
  readonly location: string;
  readonly pin: Pin;
  /** Name of its one set, rooted where the file is. */
  readonly set: string;
  /** How the bucket was reached, where only the environment said so: a timer has another one. */
  readonly s3: { readonly endpoint?: string | undefined; readonly region?: string | undefined };
  /** ARNs of the KMS keys that were named. */
  readonly kms: readonly string[];
  readonly proposal: Proposal;
}

export function configText({ location, pin, set, s3, kms, proposal }: ConfigChoices): string {
  const reached = Object.entries(s3).flatMap(([key, value]) =>
    value ? [`${key}: ${JSON.stringify(value)}`] : [],
  );
  const bucket =
    reached.length > 0
      ? `\n# How the bucket is reached. Credentials come from where AWS tools look for them.\ns3: { ${reached.join(', ')} }\n`
      : '';
  const keys = kms.length > 0 ? `\n# AWS KMS keys that may open it.\nkms: ${JSON.stringify(kms)}\n` : '';
  return `# What strongroom backs up from here, and where to. It holds no secret: commit it.
# \`strongroom config schema\` prints its schema, \`strongroom config validate\` checks it.

location: ${JSON.stringify(location)}

# Which vault is meant. Any other one at that place is refused.
pin: ${pinText(pin)}
${bucket}${keys}
sets:
  ${set}:
    root: .
${includeText(proposal)}    exclude: [".git", "node_modules", "**/*.log"]
${streamsText(proposal)}    # How old the newest snapshot may be; also how long \`backup --skip-unchanged\` may skip.
    # objectives: { rpo: 24h }
    # Modes that the deployment needs after a restore, instead of 0600 and 0700.
    # restore: { modes: { "secrets/*": "0444" } }
`;
}

const EXAMPLE = 'db: { postgres: { database: shop, password: { dotenv: .env, key: DB_PASSWORD } } }';
const MAX_STREAMS = 10;

function streamsText({ databases }: Proposal): string {
  const found = sqliteStreams(databases.slice(0, MAX_STREAMS));
  const why =
    found.length > 0
      ? '\n    # There are SQLite databases here: a copy of one that is in use may be torn, a stream’s is not.'
      : '';
  return `    # Database dumps and the output of other programs go with the files; see docs/streams.md.${why}
    # With streams, and without include, a set takes no files.
    # streams: { ${found.length > 0 ? found.join(', ') : EXAMPLE} }
`;
}

function includeText({ discover, outside }: Proposal): string {
  if (discover.length === 0)
    return `    # Everything below the root is taken, unless this says what. Paths, globs, and absolute ones too.
    # include: [.env, compose.yaml, "certs/**", "/secure/*.pem"]
`;
  const list = (items: readonly string[]) => `[${items.map((item) => JSON.stringify(item)).join(', ')}]`;
  const beyond =
    outside.length > 0
      ? `    # They refer to these beyond the root, which are taken once you say so (paths or globs).
    # outside: ${list(outside)}
`
      : '';
  return `    # Everything below the root. Paths, globs, and absolute ones too.
    include: ["."]
    # What these files refer to is followed at each backup, and missed when it is not there.
    discover: [${discover.join(', ')}]
${beyond}`;
}

/** What of the environment decided how the bucket was reached. */
export function reachedBy(env: Environment): { endpoint: string | undefined; region: string | undefined } {
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  return {
    // Only what the file may hold: never a name and a password.
    endpoint: /^https?:\/\/[^\s/@]+\/?$/.test(endpoint ?? '') ? endpoint : undefined,
    region: env.AWS_REGION || env.AWS_DEFAULT_REGION,
  };
}

/** What of these two the file that is there says already, so that lines of it are to be replaced, or not. */
export async function linesThere(path: string): Promise<{ location: boolean; pin: boolean }> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return { location: /^location\s*:/m.test(text), pin: /^pin\s*:/m.test(text) };
}

/**
 * Writes the file unless it is there.
 * @returns whether it was written
 * @throws UsageError `config-not-written`
 */
export async function writeConfig(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o644);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new UsageError('config-not-written', `the vault is made, but ${path} cannot be written`, {
      object: path,
      hint: 'this machine remembers the vault all the same; write the file by hand with `strongroom trust` showing the pin',
      cause: error,
    });
  }
}
