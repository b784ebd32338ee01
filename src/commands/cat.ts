// `strongroom cat`: the bytes of one file on stdout, proven.
import { cat } from '../vault/cat.ts';
import { choiceFlags, chooseOne } from './choose.ts';
import { defineCommand } from './command.ts';
import { openUnlocked, pastFlag, trustNew } from './open.ts';

export const command = defineCommand({
  description: [
    'Writes one file to stdout and nothing else. Bytes are proven before they are written; a failure later in a large file ends in exit code 13, and what was written must be thrown away.',
  ],
  needs: 'read access and one way to open the vault',
  stdout: 'bytes',
  args: {
    snapshot: { value: 'SNAPSHOT', summary: 'id, unique beginning of one, latest, latest~2 or @label' },
    path: { value: 'PATH', summary: 'the file, relative to the root of its set' },
  },
  flags: { ...choiceFlags, ...pastFlag, trustNew },
  examples: [
    ['cat latest .env --set app', 'show one file'],
    ['cat latest certs/site.pem | openssl x509 -noout -enddate', 'look into a certificate'],
  ],
  async run({ args, flags }, context) {
    const vault = await openUnlocked(context, flags);
    const snapshot = await chooseOne(context, vault, args.snapshot, flags);
    const entry = await cat(vault, snapshot, args.path, (chunk) => context.stdout.write(chunk));
    return { snapshot, entry };
  },
  human() {},
  json: ({ snapshot, entry }) => ({
    snapshot: snapshot.id,
    set: snapshot.set,
    path: entry.path,
    bytes: entry.size,
    sha256: entry.sha256,
  }),
});
