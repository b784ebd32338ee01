// `strongroom recovery kit`: a key of its own for the vault, on a page to be printed.
import { dirname } from 'node:path';
import { wholeShare } from '../../kit/shamir.ts';
import { pinOf } from '../../vault/pin.ts';
import { defineCommand } from '../command.ts';
import { openUnlocked } from '../open.ts';
import { refuseExisting } from './new-file.ts';
import { afterwards, KIT, kitFlags, mayMakeKit, PAGES_PLACE, pagesPath, printKit } from './pages.ts';

export const command = defineCommand({
  description: [
    'Adds a key to the vault and writes it as a page: what to type, a QR code, the pin, the names of this vault, and the commands with strongroom and with stock tools. Print it, and keep it as you would keep a deed.',
    'It is written outside of the deployment, whose backups refuse it and whose git does not: print it there, and remove it.',
    'Whoever holds the page opens the vault. To have several people needed, use `recovery split`.',
  ],
  needs: 'a way to open the vault, and permission to add a key to it',
  args: {},
  flags: {
    output: { value: 'FILE', summary: `where to write it, else VAULT-NAME.html in ${PAGES_PLACE}` },
    ...kitFlags,
  },
  examples: [
    ['recovery kit', 'a page that opens the vault'],
    [
      'recovery kit --replace --output new.html',
      'the same anew, after a rotation; the old page is worthless then',
    ],
  ],
  async run({ flags }, context) {
    const { name = KIT, replace } = flags;
    const vault = await openUnlocked(context);
    const path = await pagesPath(context, flags.output, `${vault.document.name}-${name}.html`);
    await refuseExisting(path);
    await mayMakeKit(vault, context, name, replace);
    return await printKit(vault, context, {
      name,
      replace,
      paths: [path],
      directory: dirname(path),
      isWhole: true,
      async shares({ vault: { document }, identity }) {
        const { generation, authority } = pinOf(document);
        return [await wholeShare(identity, { generation, fingerprint: authority })];
      },
    });
  },
  human(printed, out) {
    const { added, paths } = printed;
    out.note(out.styled('green', `The recovery kit is in ${paths[0]}`), `, as the key ${added.slot.name}.`);
    out.note('Whoever holds it opens the vault.');
    out.note(afterwards(printed, paths[0]!));
  },
  json: (printed) => ({
    made: true,
    key: printed.added.slot.name,
    object: printed.added.slot.object,
    file: printed.paths[0],
  }),
});
