// A schedule as a workflow of GitHub Actions. Its times are UTC. Whatever can vary goes in by variables, never into a line
// of shell.

import { cronFields } from './calendar-text.ts';
import { shellWord } from './cron.ts';
import { clockTimes, needsOpening, needsSigning, oddPath, type Plan, type Run } from './plan.ts';

/** What GitHub fills in, before any shell sees it. */
const EXPRESSION = '$' + '{{';

/** Pinned: a tag can be moved by whoever takes the repository over. */
const CHECKOUT = 'actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2';
const SETUP_NODE = 'actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020 # v4.4.0';

/**
 * @param version of strongroom
 * @throws UsageError `cannot-be-said`, `bad-jitter`, `odd-path`
 */
export function githubWorkflow(plan: Plan, version: string): string {
  const { name, title, host, runs, env } = plan;
  const region = Object.entries(env).filter(([key]) => key === 'AWS_REGION' || key === 'AWS_DEFAULT_REGION');
  return `${[
    '# Written by `strongroom schedule print`, for .github/workflows. Its times are UTC, and GitHub may be late.',
    `name: ${quoted(`strongroom ${title}`)}`,
    'on:',
    '  schedule:',
    `    - cron: ${quoted(cronFields(clockTimes(plan, 'GitHub Actions')))}`,
    '  workflow_dispatch: {}',
    ['permissions:', JSON.stringify({ contents: 'read' })].join(' '),
    'concurrency:',
    `  group: ${quoted(`strongroom-${name}`)}`,
    '  cancel-in-progress: false',
    'jobs:',
    '  strongroom:',
    '    runs-on: ubuntu-24.04',
    '    timeout-minutes: 60',
    '    env:',
    `      STRONGROOM_HOST: ${quoted(host)}`,
    ...region.map(([key, value]) => `      ${key}: ${quoted(value)}`),
    '    steps:',
    `      - uses: ${CHECKOUT}`,
    '        with:',
    '          persist-credentials: false',
    `      - uses: ${SETUP_NODE}`,
    '        with:',
    '          node-version: "22"',
    '      # Whoever has this name in the registry runs code beside the secret: see that the package is the one you know.',
    `      - run: npm install --global --ignore-scripts strongroom@${version}`,
    ...runs.flatMap(step),
  ].join('\n')}\n`;
}

function step(run: Run): string[] {
  const { command, args } = run;
  const odd = args.find((arg) => arg.includes(EXPRESSION));
  if (odd !== undefined) throw oddPath(odd, 'what GitHub takes for an expression');
  const secret = secretOf(run);
  return [
    `      - run: ${quoted(['strongroom', command, ...args].map(shellWord).join(' '))}`,
    ...(secret === undefined
      ? []
      : ['        env:', `          ${secret}: ${EXPRESSION} secrets.${secret} }}`]),
  ];
}

/** A secret of the repository, and the variable that it is handed on in. */
function secretOf(run: Run): string | undefined {
  if (needsSigning(run)) return 'STRONGROOM_SIGNING_KEY';
  return needsOpening(run) ? 'STRONGROOM_PASSPHRASE' : undefined;
}

const quoted = (text: string): string => JSON.stringify(text);
