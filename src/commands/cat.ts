// `strongroom cat`: the bytes of one file, or of one stream, on stdout, proven.
import { UsageError } from '../errors.ts';
import { readSnapshotContents } from '../vault/artifact-read.ts';
import { cat } from '../vault/cat.ts';
import { chooseStream, readStream } from '../vault/read-stream.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import type { UnlockedVault } from '../vault/vault.ts';
import { choiceFlags, chooseOne } from './choose.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { namingOlder } from './older.ts';
import { openUnlocked, pastFlag, trustNew } from './open.ts';

interface Written {
  /** What it was: a path or the name of a stream. */
  readonly of: { readonly path: string } | { readonly stream: string };
  readonly bytes: number;
  readonly sha256: string | undefined;
}

export const command = defineCommand({
  description: [
    'Writes one file to stdout and nothing else. Bytes are proven before they are written; a failure later in a large file ends in exit code 13, and what was written must be thrown away.',
    'With --stream it writes the output of a program that was backed up, such as a database dump, for that database’s own tools to read.',
  ],
  needs: 'read access and one way to open the vault',
  stdout: 'bytes',
  args: {
    snapshot: { value: 'SNAPSHOT', summary: 'id, unique beginning of one, latest, latest~2 or @label' },
    path: { value: 'PATH', optional: true, summary: 'the file, relative to the root of its set' },
  },
  flags: {
    stream: { value: 'NAME', summary: 'this stream instead of a file' },
    incomplete: { summary: 'what there is of a stream whose program failed' },
    ...choiceFlags,
    ...pastFlag,
    trustNew,
  },
  examples: [
    ['cat latest .env --set app', 'show one file'],
    ['cat latest certs/site.pem | openssl x509 -noout -enddate', 'look into a certificate'],
    ['cat latest --stream db | pg_restore -t trades -d shop', 'one table of a database dump'],
  ],
  async run({ args, flags }, context) {
    const { path } = args;
    const { stream } = flags;
    if ((path === undefined) === (stream === undefined)) {
      const code = path === undefined ? 'missing-argument' : 'bad-value';
      throw new UsageError(code, 'give either a PATH or --stream NAME', {
        hint: '`strongroom show SNAPSHOT` lists both',
      });
    }
    const vault = await openUnlocked(context, { ...flags, anywhere: true });
    const snapshot = await chooseOne(context, vault, args.snapshot, flags);
    const written = await namingOlder(vault, snapshot, () =>
      stream === undefined
        ? catFile(vault, snapshot, path!, context)
        : catStream(vault, snapshot, stream, flags.incomplete, context),
    );
    return { snapshot, written };
  },
  human() {},
  json: ({ snapshot, written: { of, bytes, sha256 } }) => ({
    snapshot: snapshot.id,
    set: snapshot.set,
    ...of,
    bytes,
    sha256,
  }),
});

async function catFile(
  vault: UnlockedVault,
  snapshot: Snapshot,
  path: string,
  context: Context,
): Promise<Written> {
  const entry = await cat(vault, snapshot, path, (chunk) => context.stdout.write(chunk));
  return { of: { path: entry.path }, bytes: entry.size, sha256: entry.sha256 };
}

async function catStream(
  vault: UnlockedVault,
  snapshot: Snapshot,
  name: string,
  takesIncomplete: boolean,
  context: Context,
): Promise<Written> {
  const contents = await readSnapshotContents(vault, snapshot);
  const info = chooseStream(contents, name, takesIncomplete);
  for await (const chunk of readStream(vault, snapshot, contents, info)) await context.stdout.write(chunk);
  return { of: { stream: name }, bytes: info.bytes, sha256: info.sha256 };
}
