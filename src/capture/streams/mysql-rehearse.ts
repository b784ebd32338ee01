// A dump of MariaDB or MySQL in a database of its own, for a drill.
import { type Rehearsal, type RehearseOptions, StreamError } from '../stream.ts';
import { mysqlClient } from './mysql-client.ts';
import { TRAILER } from './mysql-dump.ts';
import { loadMysql, type MysqlLoadOptions } from './mysql-load.ts';
import { endingIn } from './proof.ts';
import { answerOf, askable, once, type Refusals, runIn } from './rehearse.ts';

/** By the number alone: the text may be that of a function of the dump. */
const REFUSALS: Refusals = [
  [/^ERROR 1146 /m, 'there is no such table (1146)'],
  [/^ERROR 1054 /m, 'there is no such column (1054)'],
  [/^ERROR 1064 /m, 'it is no SQL (1064)'],
  [/^ERROR 1792 /m, 'it would change something (1792)'],
  [/^ERROR 1(?:142|143|370) /m, 'permission denied'],
];

export type MysqlRehearseOptions = RehearseOptions & Pick<MysqlLoadOptions, 'server' | 'run'>;

/** @throws as `Stream.rehearse` */
export async function rehearseMysql(
  dump: AsyncIterable<Buffer>,
  { directory, signal, server, run: given }: MysqlRehearseOptions,
): Promise<Rehearsal> {
  const run = runIn(directory, given);
  // The client takes half a dump for a whole one, where it was cut between two statements.
  const whole = endingIn(TRAILER, dump, run.name);
  const { database, into } = await loadMysql(whole, { signal, server, run });
  const client = await mysqlClient(server, { ...run, signal });
  return {
    into,
    query: async (text) => await answerOf(run.name, client.ask(askable(run.name, text), database), REFUSALS),
    drop: once(async () => {
      await client.drop(database).catch((cause: unknown) => {
        if (!(cause instanceof StreamError)) throw cause;
        throw new StreamError(cause.code, `stream ${run.name}: ${into} is not dropped`, {
          hint: `drop it yourself: DROP DATABASE ${database}`,
          stderr: cause.stderr,
          cause,
        });
      });
    }),
  };
}
