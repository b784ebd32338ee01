// `strongroom doctor`: what is right and wrong about how this vault and this machine are set up, each with its fix.
import type { Verdict } from '../vault/doctor/check.ts';
import { ROLES } from '../vault/policy/roles.ts';
import { defineCommand, type Style } from './command.ts';
import { look } from './doctor/look.ts';

const STYLE: Readonly<Record<Verdict, Style>> = {
  ok: 'green',
  warning: 'yellow',
  wrong: 'red',
  unknown: 'dim',
};

export const command = defineCommand({
  description: [
    'Looks at this machine, at the directory or the bucket, at what this role may do there, and at the keys that open the vault. It changes nothing of the vault.',
    'What cannot be told from here is said to be unknown, with why. Exit code 5 when something is wrong; a warning alone is none.',
  ],
  needs: 'the place of a vault; what this role may not ask stays unknown',
  args: {},
  flags: {
    role: { value: 'ROLE', choices: ROLES, summary: 'what this role is for' },
  },
  examples: [
    ['doctor', 'check everything that can be told from here'],
    ['doctor --role backup', 'on the machine that backs up: can it do more than that?'],
    ['doctor --json', 'the same for programs'],
  ],
  async run({ flags }, context) {
    return { checks: await look(context, flags.role) };
  },
  human({ checks }, out) {
    const count = (which: Verdict) => checks.filter(({ verdict }) => verdict === which).length;
    const [wrong, warnings] = [count('wrong'), count('warning')];
    for (const { verdict, title, message, fix } of checks) {
      const parts = [out.styled(STYLE[verdict], verdict.padEnd(8)), `${title}: `, message] as const;
      // Where something is wrong, all of it is the result, in one order.
      if (verdict === 'ok' && wrong === 0) out.note(...parts);
      else out.line(...parts);
      if (fix !== undefined) out.line(' '.repeat(8), 'fix: ', fix);
    }
    if (wrong > 0) out.line(out.styled('red', out.count(wrong, 'thing is', 'things are')), ' wrong.');
    else if (warnings > 0)
      out.note(
        `Nothing is wrong, but there ${warnings === 1 ? 'is' : 'are'} ${out.count(warnings, 'warning')}.`,
      );
    else out.note('Nothing is wrong.');
  },
  json({ checks }, line) {
    for (const { id, title, verdict, message, fix } of checks)
      line('check', { id, title, verdict, message, fix });
    const count = (which: Verdict) => checks.filter(({ verdict }) => verdict === which).length;
    return { ok: count('ok'), warnings: count('warning'), wrong: count('wrong'), unknown: count('unknown') };
  },
  exitCode: ({ checks }) => (checks.some(({ verdict }) => verdict === 'wrong') ? 5 : 0),
});
