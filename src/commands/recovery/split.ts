// `strongroom recovery split`: a key of its own for the vault, in shares of which some are needed.
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkSplit, splitIdentity } from '../../kit/shamir.ts';
import { pinOf } from '../../vault/pin.ts';
import type { MadeKit } from '../../vault/recovery/add-kit.ts';
import { defineCommand } from '../command.ts';
import { openUnlocked } from '../open.ts';
import { newDirectory, refuseExisting } from './new-file.ts';
import { afterwards, KIT, kitFlags, mayMakeKit, PAGES_PLACE, pagesPath, printKit } from './pages.ts';

const number = (text: string): number | undefined => (/^[1-9]\d{0,2}$/.test(text) ? Number(text) : undefined);

export const command = defineCommand({
  description: [
    'Adds a key to the vault and splits it into shares, a page each: any so many of them open the vault, fewer tell nothing (Shamir). Give each to another person.',
    'They are written outside of the deployment, whose backups refuse them and whose git does not: print them there, and remove them.',
  ],
  needs: 'a way to open the vault, and permission to add a key to it',
  args: {},
  flags: {
    shares: { value: 'N', parse: number, form: 'a whole number', summary: 'how many are made, else 5' },
    threshold: {
      value: 'N',
      parse: number,
      form: 'a whole number',
      summary: 'how many of them are needed, else 3',
    },
    output: {
      value: 'DIR',
      summary: `a new directory for the pages, else VAULT-NAME-shares in ${PAGES_PLACE}`,
    },
    ...kitFlags,
  },
  examples: [
    ['recovery split', 'five pages, any three of which open the vault'],
    ['recovery split --shares 3 --threshold 2 --output shares', 'three pages, two of which are needed'],
  ],
  async run({ flags }, context) {
    const { name = KIT, replace, shares: count = 5, threshold = 3 } = flags;
    checkSplit(count, threshold);
    const vault = await openUnlocked(context);
    const directory = await pagesPath(context, flags.output, `${vault.document.name}-${name}-shares`);
    await refuseExisting(directory, 'directory');
    await mayMakeKit(vault, context, name, replace);
    await newDirectory(directory);
    const paths = Array.from({ length: count }, (_, i) => join(directory, `share-${i + 1}-of-${count}.html`));
    const printing = {
      name,
      replace,
      paths,
      directory,
      isWhole: false,
      async shares({ vault: { document }, identity }: MadeKit) {
        const { generation, authority } = pinOf(document);
        return await splitIdentity(identity, { count, threshold, generation, fingerprint: authority });
      },
    };
    const printed = await printKit(vault, context, printing).catch(async (error: unknown) => {
      // Pages that may open the vault are not given up.
      await rmdir(directory).catch(() => {});
      throw error;
    });
    return { ...printed, directory, count, threshold };
  },
  human(printed, out) {
    const { added, directory, count, threshold } = printed;
    out.note(
      out.styled('green', `${count} shares are in ${directory}`),
      `, of the key ${added.slot.name}: any ${threshold} of them open the vault.`,
    );
    out.note(afterwards(printed, directory));
  },
  json: (printed) => ({
    made: true,
    key: printed.added.slot.name,
    object: printed.added.slot.object,
    shares: printed.count,
    threshold: printed.threshold,
    files: printed.paths,
  }),
});
