// A small program on the real frame: commands that do what the tests of the frame need.

import { defineCommand } from '../../src/commands/command.ts';
import type { Group } from '../../src/commands/index.ts';
import { StoreError, UnlockError } from '../../src/errors.ts';

const save = defineCommand({
  description: ['Saves things. Nothing is kept.'],
  needs: 'nothing at all',
  args: {
    what: { value: 'WHAT', summary: 'what to save' },
    paths: { value: 'PATH', summary: 'where from', optional: true, repeat: true },
  },
  flags: {
    dryRun: { short: 'n', summary: 'only say what would be done' },
    tag: { value: 'K=V', summary: 'a tag', repeat: true },
    existing: {
      value: 'HOW',
      summary: 'what to do with files that are there',
      choices: ['refuse', 'replace', 'bak'],
    },
    level: {
      value: 'N',
      summary: 'how hard to try',
      env: 'SAMPLE_LEVEL',
      parse: (text: string) => (/^[0-9]$/.test(text) ? Number(text) : undefined),
    },
    secretly: { summary: 'not in help', hidden: true },
  },
  examples: [
    ['save all', 'save all'],
    ['save some ./here --tag k=v', 'save some of it'],
  ],
  run: (input) => input,
  human({ args, flags }, out) {
    out.line('saved ', out.styled('bold', args.what));
    out.note(`${args.paths.length} paths, level ${flags.level ?? 'none'}`);
  },
  json: ({ args, flags }, line) => {
    for (const path of args.paths) line('path', { path });
    return {
      what: args.what,
      level: flags.level,
      tags: flags.tag,
      existing: flags.existing,
      dry_run: flags.dryRun,
    };
  },
});

/** A command whose behaviour is its argument. */
const act = defineCommand({
  args: {
    how: {
      value: 'HOW',
      summary: 'what to do',
      choices: ['part', 'damage', 'fail', 'bug', 'odd', 'sleep', 'stream', 'abort'],
    },
  },
  flags: {},
  examples: [],
  async run({ args: { how } }, context) {
    context.warn('odd', 'something\u001b[2J is odd', { hint: 'look at it', object: 'thing' });
    context.notice('for your notice');
    context.emit({ type: 'step', fields: { step: 1 }, human: ['step 1'] });
    if (how === 'damage') context.warn('torn', 'the vault is torn', { object: 'thing', severity: 'error' });
    if (how === 'fail')
      throw new StoreError('full', 'the store is full', { hint: 'make room', object: '/srv/vault' });
    if (how === 'bug') throw new TypeError('cannot read passphrase hunter2');
    if (how === 'odd') throw 'hunter2';
    if (how === 'stream')
      for (let i = 0; i < 20_000; i++) context.emit({ type: 'step', fields: { i }, human: [`line ${i}`] });
    if (how === 'sleep' || how === 'abort') {
      const { setTimeout } = await import('node:timers/promises');
      await setTimeout(20_000, undefined, how === 'sleep' ? { signal: context.signal } : {});
    }
    return how;
  },
  human: (how, out) => out.note(`did ${how}`),
  json: (how) => ({ how }),
  exitCode: (how) => (how === 'part' ? 3 : 0),
});

/** Writes bytes to stdout, as `cat` does. */
const bytes = defineCommand({
  stdout: 'bytes',
  args: {},
  flags: { mebibytes: { value: 'N', summary: 'how many', parse: Number } },
  examples: [],
  async run({ flags }, { stdout }) {
    for (let i = 0; i < (flags.mebibytes ?? 0); i++) await stdout.write(new Uint8Array(1 << 20).fill(0x61));
    return { written: flags.mebibytes ?? 0 };
  },
  human() {},
  json: (result) => result,
});

/** Asks, and says what it heard. */
const ask = defineCommand({
  args: {
    what: {
      value: 'WHAT',
      summary: 'what to ask',
      choices: ['passphrase', 'new', 'confirm', 'trust', 'tell', 'wiped'],
    },
  },
  flags: {},
  examples: [],
  async run({ args: { what } }, { secrets, terminal, env }) {
    if (what === 'tell') terminal.tell(['shown\u001b[2J once']);
    const heard = {
      passphrase: () => secrets.passphrase('Passphrase for vault \u001b[2Jshop'),
      new: () => secrets.newPassphrase('New passphrase'),
      confirm: async () => String(await terminal.confirm('Delete it?')),
      trust: async () => String(await terminal.confirmTyped('Trust it?')),
      tell: async () => 'told',
      async wiped() {
        const lines: string[] = [];
        while (lines.at(-1) !== 'end') lines.push(await terminal.askWiped(`Line ${lines.length + 1}`));
        // The terminal is given back before anything else is waited for.
        await new Promise(setImmediate);
        return lines.join('|');
      },
    };
    const answer = await heard[what]();
    if (answer === 'wrong')
      throw new UnlockError('wrong-passphrase', 'the passphrase opens no key of this vault');
    const left = Object.keys(env).filter((name) => name.startsWith('STRONGROOM_'));
    const inherited = Object.keys(process.env).filter((name) => name.startsWith('STRONGROOM_'));
    return { answer, left, inherited };
  },
  human: ({ answer }, out) => out.line('heard: ', answer),
  json: (result) => result,
});

export const sampleGroups: readonly Group[] = [
  {
    heading: 'Everyday',
    rows: [
      { name: 'save', summary: 'save things', load: async () => save },
      {
        name: 'broken',
        summary: 'is never loaded',
        load: async () => {
          throw new Error('this module must not be loaded');
        },
      },
    ],
  },
  {
    heading: 'Is it odd?',
    rows: [
      { name: 'act', summary: 'act up', load: async () => act },
      {
        name: 'io',
        summary: 'input and output',
        commands: [
          { name: 'bytes', summary: 'write bytes', load: async () => bytes },
          { name: 'ask', summary: 'ask something', load: async () => ask },
        ],
      },
    ],
  },
];
