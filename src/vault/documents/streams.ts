// What contents say of streams: the output of programs, each an artifact of its own (docs/format.md section 7).
import { streamArtifact } from '../layout.ts';
import type { Fields } from './shape.ts';

/** A stream of a snapshot. */
export interface StreamInfo {
  readonly name: string;
  /** Such as `postgres`. */
  readonly type: string;
  /** What whoever loads it must know: `{ database: 'shop' }`. */
  readonly facts: Readonly<Record<string, string>>;
  /** Of what the program printed, before gzip. */
  readonly bytes: number;
  readonly sha256: string;
  readonly seconds: number;
  /** Whether the program ended well and what it printed was proven whole. */
  readonly complete: boolean;
}

/** A host that was taken over must not make a reader hold more than a page of them. */
const MAX_STREAMS = 1000;
const MAX_FACTS = 100;

/**
 * @param f contents
 * @param artifacts names that contents list
 * @returns empty where there are none, as in contents from before streams
 */
export function readStreams(f: Fields, artifacts: readonly { readonly name: string }[]): StreamInfo[] {
  if (!f.has('streams')) return [];
  const listed = new Set(artifacts.map(({ name }) => name));
  const taken = new Set<string>();
  const streams = f.list('streams', (s) => {
    const name = s.name('name');
    if (taken.has(name) || !listed.has(streamArtifact(name))) s.fail('name', 'one of a listed stream');
    taken.add(name);
    return {
      name,
      type: s.name('type'),
      facts: readFacts(s),
      bytes: s.integer('bytes'),
      sha256: s.sha256('sha256'),
      seconds: s.number('seconds'),
      complete: s.flag('complete'),
    };
  });
  if (streams.length > MAX_STREAMS) f.fail('streams', `a list of at most ${MAX_STREAMS}`);
  return streams;
}

function readFacts(s: Fields): Record<string, string> {
  const facts = s.object('facts');
  const names = facts.pairs().map(([name]) => name);
  if (names.length > MAX_FACTS) s.fail('facts', `at most ${MAX_FACTS} texts`);
  return Object.fromEntries(names.map((name) => [name, facts.text(name)]));
}
