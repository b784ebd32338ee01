// Whether the dumps of a snapshot load: each into a scratch database of its own, which is asked, and gone afterwards.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Rehearsal, Stream } from '../../../capture/stream.ts';
import { InterruptedError, StoreError, StrongroomError } from '../../../errors.ts';
import { printableName } from '../../../pack/names.ts';
import type { Contents } from '../../documents/contents.ts';
import type { StreamInfo } from '../../documents/streams.ts';
import { readStream } from '../../read-stream.ts';
import type { Snapshot } from '../../snapshots.ts';
import { callOptions, type UnlockedVault } from '../../vault.ts';
import { meets, shownAnswer } from '../expect.ts';
import type { Check, CheckName } from '../result.ts';
import type { DrillQuery, DrillSettings } from '../settings.ts';

/** A stream of the set as this machine's configuration has it. */
export interface ConfiguredStream {
  readonly name: string;
  readonly type: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** What this machine knows of a set; a drill believes no place that a snapshot names. */
export interface StreamGrounds {
  readonly streams: readonly ConfiguredStream[];
  readonly settings: DrillSettings;
  /** @throws UsageError `bad-setting` */
  open(stream: ConfiguredStream): Promise<Stream>;
}

export interface StreamTrial {
  readonly vault: UnlockedVault;
  readonly snapshot: Snapshot;
  readonly contents: Contents;
  /** Whether a stream that the configuration has must be there: not in an older snapshot. */
  readonly isNewest: boolean;
  readonly grounds: StreamGrounds | undefined;
  /** Absolute, of this snapshot: each stream gets a directory in it. */
  readonly directory: string;
  /** Times what belongs to the recovery. */
  readonly timed: <T>(name: string, work: () => Promise<T>) => Promise<T>;
}

/** @throws StoreError; InterruptedError */
export async function checkStreams(trial: StreamTrial): Promise<Check[]> {
  const { contents, grounds, isNewest } = trial;
  const checks: Check[] = [];
  // By number, whatever the names: the path of a socket in it has room for 103 bytes (unix(7)).
  for (const [i, info] of contents.streams.entries())
    checks.push(...(await tryStream(trial, info, join(trial.directory, String(i)))));
  const held = new Set(contents.streams.map(({ name }) => name));
  for (const { name } of grounds?.streams ?? []) {
    if (held.has(name)) continue;
    const message = 'the configuration has it, and the snapshot holds no dump of it';
    checks.push({ check: 'stream', subject: name, outcome: isNewest ? 'failed' : 'skipped', message });
  }
  return checks;
}

async function tryStream(trial: StreamTrial, info: StreamInfo, directory: string): Promise<Check[]> {
  const began = performance.now();
  const said = (outcome: Check['outcome'], message?: string): Check => ({
    check: 'stream',
    subject: info.name,
    outcome,
    ...(message === undefined ? {} : { message }),
    seconds: secondsSince(began),
  });
  if (!info.complete) return [said('failed', 'its program failed when it was dumped: it is not whole')];
  const { vault, snapshot, contents, timed, isNewest } = trial;
  const wish = trial.grounds?.settings.streams.get(info.name);
  /** Not loaded, but whole: and no question that somebody wants answered goes unasked in silence. */
  const notLoaded = async (why: string): Promise<Check[]> => {
    const fault = await timed('check', () => faultIn(readStream(vault, snapshot, contents, info), info.name));
    if (fault !== undefined) return [said('failed', `it cannot be read: ${fault}`)];
    const unasked = (wish?.queries ?? []).map(({ query }): Check => {
      const subject = `${info.name}: ${shortQuery(query)}`;
      return {
        check: 'query',
        subject,
        outcome: 'skipped',
        message: 'not asked, as the dump was not loaded',
      };
    });
    return [said('skipped', `read and whole, but not loaded: ${why}`), ...unasked];
  };
  const chosen = chosenStream(trial, info);
  if (typeof chosen === 'string') return await notLoaded(chosen);
  if (chosen.type !== info.type) {
    // The host says what it is: it must not get its dump out of the trial by another word.
    const why = `it is of the kind ${info.type}, and the configuration here says ${chosen.type}`;
    return isNewest ? [said('failed', why)] : await notLoaded(why);
  }
  let rehearsal: Rehearsal | undefined;
  try {
    const stream = await trial.grounds!.open(chosen);
    const { rehearse } = stream;
    if (!rehearse) return await notLoaded(`a ${info.type} stream with these settings cannot be tried`);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    rehearsal = await timed(`load ${info.name}`, () =>
      rehearse(readStream(vault, snapshot, contents, info), { directory, ...callOptions(vault) }),
    );
  } catch (error) {
    const seen = `\`strongroom restore ${snapshot.id} --load ${info.name}\` shows what its program says`;
    return [said('failed', `it did not load: ${reasonOf(error, info.name)}; ${seen}`)];
  }
  const loaded = said('passed', `loaded into ${printableName(rehearsal.into)}, and dropped again`);
  const checks = [loaded];
  try {
    for (const query of wish?.queries ?? []) checks.push(await ask(rehearsal, info.name, query));
  } finally {
    const left = await droppedOr(rehearsal);
    if (left) checks.push({ check: 'stream', subject: info.name, outcome: 'failed', message: left });
  }
  return checks;
}

/** What to open it with, or why it is not tried. */
function chosenStream({ grounds }: StreamTrial, { name }: StreamInfo): ConfiguredStream | string {
  const wish = grounds?.settings.streams.get(name);
  if (wish?.skip) return 'the configuration says to skip it';
  const configured = grounds?.streams.find((stream) => stream.name === name);
  const chosen = wish?.settings ? { name, ...wish.settings } : configured;
  return chosen ?? `the configuration here has no stream ${name} to load it with`;
}

async function ask(rehearsal: Rehearsal, name: string, { query, expect }: DrillQuery): Promise<Check> {
  const began = performance.now();
  const subject = `${name}: ${shortQuery(query)}`;
  const said = (outcome: Check['outcome'], message: string): Check => ({
    check: 'query' satisfies CheckName,
    subject,
    outcome,
    message,
    seconds: secondsSince(began),
  });
  try {
    const answer = await rehearsal.query(query);
    const number = shownAnswer(answer, expect);
    const wanted = expect === undefined ? 'at least one row' : expect;
    if (meets(answer, expect))
      return said('passed', number === undefined ? 'as expected' : `${number}, as expected`);
    return said(
      'failed',
      `expected ${wanted}, and ${number === undefined ? 'the answer is another' : `it is ${number}`}`,
    );
  } catch (error) {
    return said('failed', `it was not answered: ${reasonOf(error, name)}`);
  }
}

/** What could not be taken away; undefined when all is gone. */
async function droppedOr(rehearsal: Rehearsal): Promise<string | undefined> {
  try {
    await rehearsal.drop();
    return undefined;
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    return `${printableName(rehearsal.into)} could not be dropped: ${error.message}`;
  }
}

/** Reads a stream to its end. @returns what is wrong with it */
async function faultIn(dump: AsyncIterable<Buffer>, name: string): Promise<string | undefined> {
  try {
    for await (const _ of dump);
    return undefined;
  } catch (error) {
    return reasonOf(error, name);
  }
}

/** A tool's message holds nothing that the tool said. What no drill can go on with is thrown on. */
function reasonOf(error: unknown, name: string): string {
  if (error instanceof InterruptedError || error instanceof StoreError || !(error instanceof StrongroomError))
    throw error;
  return error.message.replace(`stream ${name}: `, '');
}

const MOST_OF_QUERY = 120;

function shortQuery(query: string): string {
  const line = printableName(query.replace(/\s+/g, ' ').trim());
  return line.length > MOST_OF_QUERY ? `${line.slice(0, MOST_OF_QUERY - 1)}…` : line;
}

const secondsSince = (began: number): number => Math.round(performance.now() - began) / 1000;
