// A dump of PostgreSQL in a database of its own, for a drill. It is nobody's but ours: owners and rights would need the
// roles of the server that it came from, and rights over those; and it subscribes to nothing.
import { type Rehearsal, type RehearseOptions, StreamError } from '../stream.ts';
import { TRAILERS } from './postgres-head.ts';
import { dropPostgres, loadPostgres, type PostgresLoadOptions, quoted, toolsOf } from './postgres-load.ts';
import { connectTo } from './postgres-server.ts';
import { endingIn } from './proof.ts';
import { answerOf, askable, once, type Refusals, runIn, written } from './rehearse.ts';
import { runTool, type ToolOptions } from './tool.ts';

/** Its own. A subscription would keep the database from being dropped. */
const WITHOUT = ['--no-owner', '--no-privileges', '--no-publications', '--no-subscriptions'];

/** By the code alone (PostgreSQL, "Error Codes"): the text may be that of a function of the dump. */
const REFUSALS: Refusals = [
  [/ERROR: {2}42P01/, 'there is no such table (42P01)'],
  [/ERROR: {2}42703/, 'there is no such column (42703)'],
  [/ERROR: {2}42601/, 'it is no SQL (42601)'],
  [/ERROR: {2}25006/, 'it would change something (25006)'],
  [/ERROR: {2}42501/, 'permission denied (42501)'],
];

export type PostgresRehearseOptions = RehearseOptions &
  Pick<PostgresLoadOptions, 'server' | 'format' | 'run'>;

/** @throws as `Stream.rehearse` */
export async function rehearsePostgres(
  dump: AsyncIterable<Buffer>,
  { directory, ...given }: PostgresRehearseOptions,
): Promise<Rehearsal> {
  const options = { ...given, run: runIn(directory, given.run), without: WITHOUT };
  const run = toolsOf(options);
  // psql takes half a dump for a whole one, where it was cut between two statements.
  const whole = given.format === 'plain' ? endingIn(TRAILERS.plain, dump, run.name) : dump;
  const { database, into } = await loadPostgres(whole, options);
  return {
    into,
    query: async (text) => await answerOf(run.name, ask(askable(run.name, text), database, run), REFUSALS),
    drop: once(async () => {
      await dropPostgres(database, run).catch((cause: unknown) => {
        if (!(cause instanceof StreamError)) throw cause;
        throw new StreamError(cause.code, `stream ${run.name}: ${into} is not dropped`, {
          hint: `drop it yourself: dropdb --force ${quoted(database)}`,
          stderr: cause.stderr,
          cause,
        });
      });
    }),
  };
}

function ask(text: string, database: string, run: ToolOptions): AsyncGenerator<Buffer> {
  const args = [
    '--no-psqlrc',
    '--no-password',
    '--quiet',
    '--tuples-only',
    '--no-align',
    '--field-separator=\t',
    '--set=ON_ERROR_STOP=1',
    '--set=VERBOSITY=sqlstate',
    // Not all of what a view of the dump may come up with is held in memory.
    '--set=FETCH_COUNT=1000',
    connectTo(database),
  ];
  // A view may call a function of the dump. It has no more rights than the load had, and changes nothing at all.
  const sql = `SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;\n${text}\n`;
  return runTool('psql', args, {
    ...run,
    adds: { ...run.adds, PGCLIENTENCODING: 'UTF8' },
    stdin: written(sql),
  });
}
