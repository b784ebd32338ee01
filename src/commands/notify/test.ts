// `strongroom notify test`: does a message reach everybody who is to be told?
import { UsageError } from '../../errors.ts';
import { PATIENT } from '../../notify/deliver.ts';
import { defineCommand } from '../command.ts';
import { aboutRun } from '../notified.ts';
import { tell } from './tell.ts';

export const command = defineCommand({
  description: [
    'Sends a test message to each receiver under `notify` in strongroom.yaml, whatever it is told otherwise, and says what came of it. Nothing else is read or written. Exit code 5 when one could not be told.',
  ],
  needs: 'what the receivers need; no vault',
  args: {},
  flags: {},
  examples: [['notify test', 'see whether a message arrives, before it matters']],
  async run(_input, context) {
    const settings = await context.settings();
    if ((settings.config?.notify ?? []).length === 0) {
      throw new UsageError('no-receivers', 'the configuration names nobody to tell', {
        hint: 'add them under `notify` in strongroom.yaml',
      });
    }
    const message = await aboutRun('notify test', settings, context);
    const { signal } = context;
    return { told: await tell({ message, sets: [], limits: PATIENT, signal }, settings, context) };
  },
  human({ told }, out) {
    for (const { number, receiver, failure } of told) {
      const who = `${number} ${receiver.kind}: `;
      if (failure === undefined) out.note(who, out.styled('green', 'told'));
      else out.line(who, out.styled('red', 'not told'), `: ${failure.message}`);
    }
  },
  json({ told }, line) {
    for (const { number, receiver, failure } of told) {
      const { kind, on, commands } = receiver;
      line('receiver', { number, kind, told: failure === undefined, reason: failure?.message, on, commands });
    }
    return { receivers: told.length, told: told.filter(({ failure }) => failure === undefined).length };
  },
  exitCode: ({ told }) => (told.some(({ failure }) => failure !== undefined) ? 5 : 0),
});
