// `diff` for people: a line for each file, and below it what changed by name.
import { type Diff, type FileDiff, type StreamChange, tellsSize } from '../../vault/diff/diff.ts';
import type { RevealedValue } from '../../vault/diff/reveal.ts';
import type { Side } from '../../vault/diff/side.ts';
import type { ValueChange, ValuePlace } from '../../vault/diff/values.ts';
import type { Out, Shown, Style } from '../command.ts';
import type { DiffResult } from '../diff.ts';
import { countsOf, FILE_KINDS } from './json.ts';

const STYLES: Readonly<Record<FileDiff['change'], Style>> = {
  added: 'green',
  removed: 'red',
  changed: 'yellow',
  moved: 'yellow',
  unknown: 'dim',
};
/** The longest of those words. */
const WIDTH = 7;

/** The whole comparison. */
export function showDiff({ diff, revealed }: DiffResult, out: Out): void {
  const { before, after, files, streams } = diff;
  const unknown = notComparedText(diff, out);
  if (files.length + streams.length === 0) {
    const what = unknown === '' ? 'No difference' : 'No difference of files';
    out.note(`${what}: ${sideText(before, out)} and ${sideText(after, out)}.${unknown}`);
    return;
  }
  out.line(out.styled('bold', sideText(before, out)), ' → ', out.styled('bold', sideText(after, out)));
  for (const file of files) showFile(file, revealed, out);
  for (const stream of streams)
    out.line(word(stream.change, out), `dump ${stream.name} `, streamText(stream, out));
  showPairs(diff, out);
  out.line(`${countsText(diff, out)}${unknown === '' ? '' : `.${unknown}`}`);
}

function sideText({ snapshot }: Side, out: Out): string {
  if (!snapshot) return 'the files on disk';
  const { id, set, host, time, complete } = snapshot;
  return `${id} of ${set} by ${host}, ${out.age(new Date(time))}${complete ? '' : ', incomplete'}`;
}

/** A database may be another one by now, whatever the files say. */
function notComparedText({ notCompared }: Diff, out: Out): string {
  const { length } = notCompared;
  if (length === 0) return '';
  const names = notCompared.map(({ name }) => name).join(', ');
  return ` ${out.count(length, 'stream')} ${length === 1 ? 'was' : 'were'} not compared: ${names}.`;
}

const word = (change: FileDiff['change'], out: Out): Shown =>
  out.styled(STYLES[change], `${change.padEnd(WIDTH)}  `);

function showFile(file: FileDiff, revealed: DiffResult['revealed'], out: Out): void {
  const { change, before, after, values } = file;
  const path = change === 'moved' ? `${before!.path} → ${after!.path}` : pathText(file);
  out.line(word(change, out), path, factsText(file, out));
  if (!values) return;
  const isNews = change === 'changed' || out.verbose;
  // All that is in a new file is new: what is known from elsewhere is worth a line.
  const shown = values.changes.filter((v) => isNews || v.from || v.sameAs || v.factsAfter || revealed);
  for (const value of shown) showValue(value, revealed?.get(value), out);
}

function pathText({ path, after, before }: FileDiff): string {
  return (after ?? before)!.type === 'dir' ? `${path}/` : path;
}

/** What of a file changed, in brackets. */
function factsText(file: FileDiff, out: Out): string {
  const { change, before, after, aspects, sameAs, reason, values } = file;
  const facts: string[] = [];
  const both = (was: string, is: string) => facts.push(was === is ? is : `${was} → ${is}`);
  if (aspects.includes('type')) both(typeText(before?.type), typeText(after?.type));
  else if (tellsSize(file)) {
    if (aspects.includes('content')) both(out.size(before!.size), out.size(after!.size));
    else if (change !== 'changed' && (after ?? before)!.type === 'file')
      facts.push(out.size((after ?? before)!.size));
  }
  if (aspects.includes('target')) both(`to ${before?.target}`, `${after?.target}`);
  if (aspects.includes('mode')) both(`mode ${octal(before!.mode)}`, octal(after!.mode));
  if (aspects.includes('owner')) both(`owner ${before!.uid}:${before!.gid}`, `${after!.uid}:${after!.gid}`);
  if (sameAs !== undefined) facts.push(`same content as ${sameAs}`);
  if (values && change !== 'changed' && values.changes.length > 0)
    facts.push(out.count(values.changes.length, 'name'));
  if (values && change === 'changed' && values.same > 0)
    facts.push(`${out.count(values.same, 'value')} the same`);
  const why = reason ?? values?.reason;
  if (why !== undefined) facts.push(change === 'unknown' ? why : `${why}: compared as a whole`);
  return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function typeText(type: string | undefined): string {
  return type === 'dir' ? 'directory' : type === 'symlink' ? 'symbolic link' : 'file';
}

function showValue(value: ValueChange, revealed: RevealedValue | undefined, out: Out): void {
  const { path, name, change, from, sameAs } = value;
  const notes: string[] = [];
  if (from && change === 'moved') notes.push(`was ${placeText(from, path)}`);
  else if (from) notes.push(`has the value that ${placeText(from, path)} had`);
  if (sameAs) notes.push(`same value as ${placeText(sameAs, path)}`);
  notes.push(...certificateTexts(value));
  out.line('         ', word(change, out), name, notes.length > 0 ? `: ${notes.join('; ')}` : '');
  if (revealed?.before !== undefined) out.line('                    - ', revealed.before);
  if (revealed?.after !== undefined) out.line('                    + ', revealed.after);
}

function placeText({ path, name }: ValuePlace, here: string): string {
  return path === here ? name : `${name} in ${path}`;
}

/** Subject and expiry, as they were and are. */
function certificateTexts({ factsBefore, factsAfter }: ValueChange): string[] {
  // A key has no subject.
  if ((factsAfter ?? factsBefore)?.subject === undefined) return [];
  const of = (key: string, label: string): string[] => {
    const [was, is] = [factsBefore?.[key], factsAfter?.[key]];
    if (was === undefined || is === undefined || was === is) return [`${label}${is ?? was ?? 'not known'}`];
    return [`${label}${was} → ${is}`];
  };
  return [...of('subject', ''), ...of('expires', 'expires ')];
}

function streamText({ before, after }: StreamChange, out: Out): string {
  const sizes = [before, after].flatMap((stream) => (stream ? out.size(stream.bytes) : []));
  return `(${sizes.join(' → ')}${after?.complete === false ? ', incomplete' : ''})`;
}

function showPairs({ pairs }: Diff, out: Out): void {
  for (const { key, certificate, matches } of pairs) {
    const where = certificate.path === key.path ? 'the certificate beside it' : certificate.path;
    if (matches) out.line('the private key ', key.path, ` fits ${where}`);
    else out.line(out.styled('red', 'mismatch: '), 'the private key ', key.path, ` does not fit ${where}`);
  }
}

function countsText({ files, same }: Diff, out: Out): string {
  const counts = countsOf(files, FILE_KINDS);
  const some = FILE_KINDS.filter((kind) => counts[kind] > 0).map(
    (kind) => `${counts[kind]} ${kind === 'unknown' ? 'not compared' : kind}`,
  );
  return [...some, `${out.count(same, 'file')} the same`].join(', ');
}
