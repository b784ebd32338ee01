// `strongroom recovery test`: whether shares open the vault as it is today. Writes nothing.
import { reprintCommand } from '../../pages/kit.ts';
import { proveShares } from '../../vault/recovery/prove.ts';
import { authorityFingerprint } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import { configuredPin, trustNew, vaultContext } from '../open.ts';
import { files, givenPieces } from './given.ts';

export const command = defineCommand({
  description: [
    'Proves that shares of a recovery key, or a recovery kit, open the vault as it is today. It writes nothing, and joins them in memory only. A share says whose it is, so one of another vault, or one whose key was replaced, is found out by itself.',
  ],
  needs: 'read access to the vault, and enough shares',
  args: { file: files },
  flags: { trustNew },
  examples: [
    ['recovery test', 'asks for the shares line by line, from paper'],
    [
      'recovery test shares/share-1-of-5.html shares/share-4-of-5.html shares/share-5-of-5.html',
      'from files',
    ],
  ],
  async run({ args, flags }, context) {
    // Before anybody types fifteen lines: is there a vault at all, and whose.
    const base = await vaultContext(context);
    const pin = await configuredPin(context);
    const { methods } = await context.world();
    const pieces = await givenPieces(args.file, context);
    const { vault, shares, wrong } = await proveShares(base, pieces, {
      pin,
      toCredential: (identity) =>
        methods.identities(`${identity}\n`, 'the recovery kit', async () => '', true),
      confirm: async (question) =>
        flags.trustNew || (context.terminal.interactive && (await context.terminal.confirmTyped(question))),
    });
    const { document } = vault;
    const old = shares.filter((share) => share.isOutdated);
    const [first] = old;
    if (first) {
      context.warn(
        'outdated-share',
        `it opens, but was printed for key number ${first.printedFor}: print it again`,
        {
          object: first.source,
          // A rotation that only the older key vouches for may be somebody's who held that.
          hint: `compare ${authorityFingerprint(document)} with what \`strongroom keys rotate\` printed; then run \`${reprintCommand(vault.openedBy, first)}\`, and destroy what was printed before`,
        },
      );
    }
    for (const source of wrong) {
      context.warn('wrong-share', `${source} is not what was printed; the others were enough`, {
        object: source,
        severity: 'error',
        hint: 'find out who changed it, and print the shares anew',
      });
    }
    return { document, key: vault.openedBy, shares, old, wrong };
  },
  exitCode: ({ wrong }) => (wrong.length > 0 ? 13 : 0),
  human({ document, key, shares, old, wrong }, out) {
    const from = shares.length > 1 ? `Shares ${shares.map((s) => s.index).join(', ')} open` : 'It opens';
    out.note(
      out.styled(wrong.length > 0 ? 'yellow' : 'green', `${from} the vault ${document.name}`),
      `, by its key ${key}${old.length === 0 ? '' : ', and must be printed again'}. Nothing was written.`,
    );
  },
  json: ({ document, key, shares, old, wrong }) => ({
    vault: document.vault,
    name: document.name,
    key,
    opens: true,
    outdated: old.length > 0,
    key_number: document.generation,
    shares: shares.map(({ source, index, printedFor }) => ({ source, index, key_number: printedFor })),
    wrong,
  }),
});
