// `strongroom recovery join`: shares to the key that they were made from, in a file.
import { dirname, resolve } from 'node:path';
import { IntegrityError, NotFoundError, UnlockError, UsageError } from '../../errors.ts';
import type { Piece } from '../../kit/read.ts';
import { joinShares } from '../../kit/shamir.ts';
import type { Share } from '../../kit/share.ts';
import { shellWord } from '../../pages/kit.ts';
import { noMemory } from '../../vault/client.ts';
import { documentTime } from '../../vault/names.ts';
import { type Pin, pinOf } from '../../vault/pin.ts';
import { pinByShare } from '../../vault/recovery/judge-share.ts';
import { openVault } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { vaultContext } from '../open.ts';
import { files, givenPieces } from './given.ts';
import { refuseExisting, syncDirectory, writeNewFile } from './new-file.ts';

export const command = defineCommand({
  description: [
    'Joins shares of a recovery key and writes the key as an identity file, for STRONGROOM_IDENTITY_FILE and for the age program. Shares are pages that strongroom made, texts that were typed or scanned, or typed here line by line. It needs no vault; where one can be read, it shows the fingerprint that the shares vouch for, and apart from it what the vault shows since.',
  ],
  needs: 'enough shares, or a recovery kit',
  args: { file: files },
  flags: {
    output: { value: 'FILE', summary: 'where to write the key, else kit.txt here; -: standard output' },
  },
  examples: [
    ['recovery join', 'asks for the shares line by line'],
    ['recovery join ann.txt bob.txt eve.html --output /run/kit.txt', 'from files'],
  ],
  async run({ args, flags }, context) {
    const { output = 'kit.txt' } = flags;
    if (output === '-' && context.options.json) {
      throw new UsageError('bad-value', '--output - writes the key, and --json a report, to the same place', {
        object: '--output',
        hint: 'name a file',
      });
    }
    const path = output === '-' ? undefined : resolve(context.cwd, output);
    // Before anybody types fifteen lines.
    if (path !== undefined) await refuseExisting(path);
    const pieces = await givenPieces(args.file, context);
    const { identity, wrong } = await joined(pieces);
    for (const { source } of pieces.filter(({ share }) => share && wrong.includes(share))) {
      context.warn('wrong-share', `${source} is not what was printed; the others were enough`, {
        object: source,
        severity: 'error',
        hint: 'find out who changed it, and print the shares anew',
      });
    }
    const piece = pieces.find(({ share }) => share);
    const share = piece?.share;
    const text = `# strongroom recovery key, joined ${documentTime(context.now())}\n${identity}\n`;
    if (path !== undefined) {
      await writeNewFile(path, text);
      await syncDirectory(dirname(path));
    }
    // The key is out: settings that cannot be read are no reason to fail now.
    const location = await context.settings().then(
      (settings) => settings.location,
      () => undefined,
    );
    const vouched =
      share && location !== undefined ? await vouchedFor(context, share, piece.source) : undefined;
    return { path, text, share, vouched, location };
  },
  human({ path, text, share, vouched, location }, out) {
    if (path === undefined) return out.raw(text);
    out.note(out.styled('green', `The key is in ${path}`), '. Remove it when all is restored.');
    out.note('To open the vault with it:');
    out.line(`export STRONGROOM_IDENTITY_FILE=${shellWord(path)}`);
    if (vouched) {
      out.line(`strongroom --location ${shellWord(location ?? '')} trust ${vouched.fingerprint}`);
      const { later } = vouched;
      if (!later) return;
      out.note(
        `That is key number ${share?.generation}; the vault shows number ${later.generation} now, which is no attack if your team rotated it since these were printed: ask whoever did.`,
      );
      out.note(
        `${later.authority}. Compare it with what \`strongroom keys rotate\` printed, and trust it only then:`,
      );
      out.note('whoever held the older key can show another one.');
    } else {
      const begin = share && Buffer.from(share.anchor, 'hex').toString('base64').slice(0, 26);
      out.line('strongroom --location LOCATION trust FINGERPRINT');
      out.note(
        `Both stand on the page${begin === undefined ? '' : `; the fingerprint begins with SHA256:${begin}`}.`,
      );
    }
  },
  json: ({ path, share, vouched }) => ({
    file: path,
    fingerprint: vouched?.fingerprint,
    later_fingerprint: vouched?.later?.authority,
    later_key_number: vouched?.later?.generation,
    key_number: share?.generation,
    shares: share?.count,
    threshold: share?.threshold,
  }),
});

async function joined(pieces: readonly Piece[]): Promise<{ identity: string; wrong: readonly Share[] }> {
  const shares = pieces.flatMap(({ share }) => share ?? []);
  const bare = pieces.find((piece) => piece.identity !== undefined);
  if (shares.length === 0 && bare?.identity !== undefined) return { identity: bare.identity, wrong: [] };
  return await joinShares(shares);
}

interface Vouched {
  /** What the shares hold so much of that nobody can make another. */
  readonly fingerprint: string;
  /** A rotation since, by the word of the older key alone: whoever held that can hide the true one and show his own. */
  readonly later?: Pin;
}

/** What the shares say of the vault at hand. The key is joined whether it can be had or not. */
async function vouchedFor(context: Context, share: Share, source: string): Promise<Vouched | undefined> {
  let pin: Pin | undefined;
  try {
    const base = await vaultContext(context);
    pin = await pinByShare(base, share, source);
    const { document } = await openVault({ ...base, memory: noMemory() }, { pin });
    const later = document.generation > pin.generation ? pinOf(document) : undefined;
    return { fingerprint: pin.authority, ...(later ? { later } : {}) };
  } catch (error) {
    const isBad = error instanceof IntegrityError;
    // Else nobody said that the vault can be read from here.
    if (isBad || error instanceof UnlockError || error instanceof NotFoundError) {
      const { code, message, object } = error;
      const hint = isBad ? error.hint : 'the page names its vault and where that was; check --location';
      context.warn(code, message, {
        ...(object ? { object } : {}),
        ...(hint ? { hint } : {}),
        severity: isBad ? 'error' : 'warning',
      });
    }
  }
  return pin && { fingerprint: pin.authority };
}
