import { expect, test } from 'vitest';
import { parseCommandLine } from '../../src/cli/commander.ts';
import { sampleGroups } from './sample.ts';

async function help(words: string, columns = 80, colour = false): Promise<string> {
  const asked = await parseCommandLine([...words.split(' ').filter(Boolean), '--help'], {
    groups: sampleGroups,
    version: '1',
    style: { columns, colour },
  });
  return asked.kind === 'text' ? asked.text : '';
}

const everyCommand = `\
Flags of every command:
      --location LOC  the vault: a directory or s3://… (or STRONGROOM_LOCATION)
      --config FILE   the config file, else strongroom.yaml here or above;
                      \`none\`: do without (or STRONGROOM_CONFIG)
      --env NAME      use strongroom.NAME.yaml
      --json          write JSON Lines
  -q, --quiet         say nothing on success
  -v, --verbose       say more
      --yes           answer every question with yes
  -h, --help          show this help
  -V, --version       show the version
`;

test('the first help lists the commands by group, then the common flags', async () => {
  expect(await help('')).toBe(`\
Usage: strongroom COMMAND [FLAGS] …

An encrypted vault backup for secrets and configuration.

Everyday:
  save                save things
  broken              is never loaded

Is it odd?
  act                 act up
  io                  input and output

${everyCommand}
strongroom COMMAND --help shows the arguments, flags and examples of a command.
`);
});

test('the help of a command has its arguments, flags, needs and examples', async () => {
  expect(await help('save')).toBe(`\
Usage: strongroom save [FLAGS] WHAT [PATH…]

Save things.

Saves things. Nothing is kept.

Needs nothing at all.

Arguments:
  WHAT                what to save
  PATH                where from

Flags:
  -n, --dry-run       only say what would be done
      --tag K=V       a tag; may be repeated
      --existing HOW  what to do with files that are there: refuse, replace or
                      bak
      --level N       how hard to try (or SAMPLE_LEVEL)

${everyCommand}
Examples:
  # save all
  strongroom save all
  # save some of it
  strongroom save some ./here --tag k=v
`);
});

test('the help of a family lists what is below it', async () => {
  expect(await help('io')).toBe(`\
Usage: strongroom io COMMAND [FLAGS] …

Input and output.

Commands:
  bytes  write bytes
  ask    ask something

strongroom io COMMAND --help says more.
`);
});

test('help fits the terminal, and titles are bold where colours are on', async () => {
  const narrow = await help('save', 50);
  expect(Math.max(...narrow.split('\n').map((line) => line.length))).toBeLessThanOrEqual(50);
  expect(await help('io', 80, true)).toContain('\u001b[1mCommands:\u001b[22m');
});
