// The one line that a host which cannot open the vault hands to whoever can: who it is, and what it asks to be allowed.
// Everything in it is shown before anybody agrees; it proves nothing by itself.
import { createHash } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { parsePublicKey } from '../../sign/key.ts';
import type { Host, May } from '../documents/vault-document.ts';
import { checkName } from '../names.ts';

/** A host as it would be listed. */
export type Applicant = Pick<Host, 'name' | 'key' | 'sets' | 'may'>;

const GLOB = /^[a-z0-9*][a-z0-9._*-]{0,62}$/;
const MAY: readonly string[] = ['write', 'maintain'] satisfies May[];

/** The command that enrolls a host, whole: its scope has no letter that means anything inside single quotes. */
export function approveCommand(applicant: Applicant): string {
  return `strongroom hosts enroll --approve '${lineOf(applicant)}'`;
}

/** `web-2 ssh-ed25519 AAAA… sets=app,web-* may=write check=0a1b2c3d` */
export function lineOf({ name, key, sets, may }: Applicant): string {
  const words = `${name} ${key} sets=${sets.join(',')} may=${may.join(',')}`;
  return `${words} check=${checkOf(words)}`;
}

/** Against slips only, such as a chat that takes `*` for its own: whoever changes a line can compute it anew. */
function checkOf(words: string): string {
  return createHash('sha256').update(words).digest('hex').slice(0, 8);
}

const LINE =
  /^([^ ]+) (ssh-[^ ]+|ecdsa-[^ ]+|sk-[^ ]+) ([A-Za-z0-9+/ ]+={0,2}) sets=([^= ]+(?: [^= ]+)*) may=([a-z, ]+?)(?: check=([0-9a-f]{8}))?$/;

/**
 * Reads the line, or the whole command that holds it. Quotes around it and line breaks in it are forgiven: it comes by
 * mail or chat. Its last word may be missing, where somebody wrote the line by hand.
 * @throws UsageError `bad-line`, `bad-public-key`, `bad-name`, `bad-scope`
 */
export function parseLine(text: string): Applicant {
  const [, name = '', type = '', key = '', sets = '', may = '', check] = LINE.exec(tidied(text)) ?? [];
  if (name === '') throw badLine('is not one that `strongroom hosts enroll` printed');
  const [blob, globs, doings] = [key, sets, may].map((part) => part.replaceAll(' ', ''));
  const words = `${name} ${type} ${blob} sets=${globs} may=${doings}`;
  if (check !== undefined && check !== checkOf(words)) throw badLine('was changed on its way');
  return checkApplicant({
    name,
    key: parsePublicKey(`${type} ${blob}`),
    sets: globs!.split(','),
    may: doings!.split(',') as May[],
  });
}

function tidied(text: string): string {
  return text
    .replace(/[\u200b-\u200d\u2060\ufeff]/g, '')
    .replace(/\s+/g, ' ')
    .replace(/^[ $]*strongroom hosts enroll (?:--|[–—])approve[ =]/, '')
    .replace(/^[ '"`‘’“”]+|[ '"`‘’“”]+$/g, '');
}

function badLine(what: string): UsageError {
  return new UsageError('bad-line', `the line of the host ${what}`, {
    hint: 'have it printed again with `strongroom hosts enroll` on that host, and copy all of it',
  });
}

/**
 * Holds what somebody asked for to what a vault document may say, each scope once.
 * @param applicant whose key is in canonical form
 * @throws UsageError `bad-name`, `bad-scope`
 */
export function checkApplicant({ name, key, sets, may }: Applicant): Applicant {
  checkName(name, 'host');
  // In the ledger that is who signs for the vault itself.
  if (name === 'authority') throw badScope(`no host may be called ${name}`);
  if (sets.length === 0) throw badScope('a host needs at least one set');
  const glob = sets.find((set) => !GLOB.test(set));
  if (glob !== undefined) throw badScope(`${JSON.stringify(glob)} names no set`);
  if (may.length === 0 || !may.every((what) => MAY.includes(what)))
    throw badScope('a host may write, maintain, or both');
  return { name, key, sets: [...new Set(sets)], may: MAY.filter((m) => may.includes(m as May)) as May[] };
}

function badScope(what: string): UsageError {
  return new UsageError('bad-scope', what, {
    hint: 'as in --sets app --sets "web-*" --may write,maintain',
  });
}
