// Any program: what it prints is the dump, and it says by its status whether that is all. No shell comes between. What
// its settings name as proof is asked of it: an end, a size, a second program that reads it.
import { UsageError } from '../../errors.ts';
import { type Stream, StreamError, type StreamKind } from '../stream.ts';
import {
  INTO,
  isRehearsable,
  loadByCommand,
  nameOf,
  refuseUnnamed,
  rehearseByCommand,
  type Words,
} from './command-load.ts';
import { endingIn, provenBy } from './proof.ts';
import { runIn } from './rehearse.ts';
import { secretOf, secretShape } from './secret-setting.ts';
import { line, timeout, timeoutOf } from './shapes.ts';
import { runTool, type ToolOptions } from './tool.ts';

/** As the shell has them; those that would have another program run are not ours to set from a secret. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

const program = (summary: string) =>
  ({ kind: 'list', summary, of: line('the program, or one argument') }) as const;

export const command: StreamKind = {
  type: 'command',
  shape: {
    kind: 'object',
    summary: 'what a program prints',
    required: ['run'],
    fields: {
      run: program('The program and its arguments, as a list; no shell'),
      env: {
        kind: 'map',
        summary: 'Secrets for the program, by the variable that it reads them from',
        keys: VARIABLE,
        keysAre: 'names of variables',
        of: secretShape('its value'),
      },
      check: program('A program that reads the dump and fails where it is not whole'),
      trailer: line('Text that must end the dump; white space after it does not count'),
      minimum: { kind: 'integer', summary: 'The least bytes that a dump has (1 unless set)', minimum: 1 },
      load: program(`A program that reads a dump and feeds it back; ${INTO} stands for where to`),
      query: program(`For drills: a program that reads a query and answers it from ${INTO}`),
      drop: program(`For drills: a program that takes ${INTO} away`),
      timeout,
    },
  },
  open(name, settings, ground) {
    const run = wordsOf(settings.run, name, 'run');
    const given = (key: string) =>
      settings[key] === undefined ? undefined : wordsOf(settings[key], name, key);
    const check = given('check');
    const programs = { load: given('load'), query: given('query'), drop: given('drop') };
    const { load } = programs;
    refuseUnnamed(name, programs);
    const { trailer, minimum = 1 } = settings as { trailer?: string; minimum?: number };
    const sources = Object.entries((settings.env ?? {}) as Readonly<Record<string, unknown>>).map(
      ([variable, setting]) => ({
        variable,
        secret: secretOf(setting, { stream: name, setting: variable }, ground),
      }),
    );
    const base = { name, env: ground.env, cwd: ground.root, timeout: timeoutOf(settings.timeout) };
    const options = async ({
      signal,
    }: {
      readonly signal?: AbortSignal | undefined;
    }): Promise<ToolOptions> => {
      const adds: Record<string, string> = {};
      for (const { variable, secret } of sources) if (secret) adds[variable] = await secret.read();
      return { ...base, adds, secrets: Object.values(adds), signal };
    };
    /** @param printing the program that prints it just now, if one does */
    const whole = (
      dump: AsyncIterable<Buffer>,
      tool: ToolOptions,
      printing?: string,
    ): AsyncIterable<Buffer> => {
      const enough = atLeast(minimum, dump, name, printing);
      const ended = trailer === undefined ? enough : endingIn(ending(trailer), enough, name, printing);
      return check ? provenBy((copy, stop) => proven(check, copy, stop, tool), ended) : ended;
    };
    return {
      name,
      type: 'command',
      facts: { program: nameOf(run), ...(load ? { load: nameOf(load) } : {}) },
      async *dump(asked = {}) {
        const tool = await options(asked);
        const [file, ...args] = run;
        const printed = runTool(file, args, { ...tool, onNotes: asked.onNotes });
        yield* whole(printed, tool, nameOf(run));
      },
      async load(dump, asked) {
        return await loadByCommand(dump, programs, { ...asked, run: await options(asked) });
      },
      rehearse: isRehearsable(programs)
        ? async (dump, asked) => {
            const tool = runIn(asked.directory, await options(asked));
            // A host that was taken over may say of anything that it is whole.
            return await rehearseByCommand(whole(dump, tool), programs, { ...asked, run: tool });
          }
        : undefined,
    } satisfies Stream;
  },
};

/** @throws UsageError bad-setting */
function wordsOf(setting: unknown, stream: string, key: string): Words {
  if (Array.isArray(setting) && setting.length > 0 && setting.every((word) => typeof word === 'string')) {
    return setting as unknown as Words;
  }
  throw new UsageError(
    'bad-setting',
    `${key} of stream ${stream} is not a list of a program and its arguments`,
    {
      object: key,
      hint: `${key}: [pg_dumpall, --globals-only], or [sh, -c, 'one | another'] where a shell is needed`,
    },
  );
}

/** @param tool that prints it just now, if one does @throws StreamError stream-empty at its end */
async function* atLeast(
  bytes: number,
  dump: AsyncIterable<Buffer>,
  name: string,
  tool?: string,
): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of dump) {
    size += chunk.length;
    yield chunk;
  }
  if (size >= bytes) return;
  const what = size === 0 ? 'nothing' : `${size} bytes, and ${bytes} is the least`;
  throw new StreamError(
    'stream-empty',
    `stream ${name}: ${tool === undefined ? 'the dump holds' : `${tool} printed`} ${what}`,
  );
}

/** @param text as it is written, be it a sign that means something in a pattern */
function ending(text: string): RegExp {
  const bytes = Buffer.from(text).toString('latin1');
  return new RegExp(`${bytes.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}[ \\t\\r\\n]*$(?![^])`);
}

/** @throws StreamError stream-unfinished */
async function proven(
  check: Words,
  copy: AsyncIterable<Buffer>,
  stop: AbortSignal,
  options: ToolOptions,
): Promise<void> {
  const [file, ...args] = check;
  const signal = options.signal ? AbortSignal.any([options.signal, stop]) : stop;
  try {
    for await (const _ of runTool(file, args, { ...options, signal, stdin: copy }));
  } catch (error) {
    if (!(error instanceof StreamError) || error.code !== 'stream-failed') throw error;
    throw new StreamError(
      'stream-unfinished',
      `stream ${options.name}: ${nameOf(check)} finds fault with the dump`,
      {
        stderr: error.stderr,
        cause: error,
      },
    );
  }
}
