// What to make of the findings of a snapshot: which matter today, how grave they are, and how they read. Only names and
// dates are said, made printable and of bounded length: a host that was taken over writes them.
import { clipName } from '../compare/shown.ts';
import { printableName } from '../pack/names.ts';
import type { FileFinding } from './documents/findings.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long before it expires a certificate is spoken of, where nobody says otherwise. */
export const EXPIRES_WITHIN_MS = 30 * DAY_MS;
/** A file with more certificates is a list of authorities, some of which have always expired. */
const MAX_CHAIN = 20;
const MAX_SENTENCES = 10;

/** Expired, mismatched, about to expire, the same in two environments, good for longer. */
export type Gravity = 'expired' | 'mismatch' | 'expiring' | 'same' | 'good';
const GRAVITIES: readonly Gravity[] = ['expired', 'mismatch', 'expiring', 'same', 'good'];

/** A finding as it stands at a time. */
export interface JudgedFinding {
  readonly finding: FileFinding;
  readonly gravity: Gravity;
  /** Of a certificate: whole days until it expires, negative when it has. */
  readonly daysLeft: number | undefined;
}

/**
 * @param within of now, in milliseconds
 * @returns the gravest first, certificates by when they expire
 */
export function judgeFindings(
  findings: readonly FileFinding[],
  now: Date,
  within = EXPIRES_WITHIN_MS,
): JudgedFinding[] {
  return findings
    .map((finding) => judge(finding, now, within))
    .sort(
      (a, b) =>
        GRAVITIES.indexOf(a.gravity) - GRAVITIES.indexOf(b.gravity) ||
        (a.daysLeft ?? 0) - (b.daysLeft ?? 0) ||
        (a.finding.path < b.finding.path ? -1 : a.finding.path > b.finding.path ? 1 : 0),
    );
}

function judge(finding: FileFinding, now: Date, within: number): JudgedFinding {
  if (finding.kind === 'key-mismatch') return { finding, gravity: 'mismatch', daysLeft: undefined };
  if (finding.kind === 'same-value') return { finding, gravity: 'same', daysLeft: undefined };
  if (finding.expires === undefined) return { finding, gravity: 'good', daysLeft: undefined };
  const left = Date.parse(finding.expires) - now.getTime();
  const gravity = left <= 0 ? 'expired' : left <= within ? 'expiring' : 'good';
  return { finding, gravity, daysLeft: Math.floor(left / DAY_MS) };
}

/** Whether it is worth a line today. */
export const isDue = ({ gravity }: JudgedFinding): boolean => gravity !== 'good';

const shown = (name: string): string => clipName(printableName(name));

/** One line about a finding: `certs/site.pem: CN=shop.example expires in 12 days (2026-12-02)`. */
export function findingText({ finding, daysLeft }: JudgedFinding): string {
  const { kind, path, name, otherPath, otherName, expires } = finding;
  if (kind === 'key-mismatch') {
    const where = otherPath === path ? 'in the same file' : shown(otherPath ?? '');
    const whose = otherName === undefined ? '' : ` (${shown(otherName)})`;
    return `${shown(path)}: this private key does not belong to the certificate ${where}${whose}`;
  }
  if (kind === 'same-value') {
    const other = otherName === undefined ? '' : `${shown(otherName)} in `;
    const own = name === undefined ? 'this file' : shown(name);
    return `${shown(path)}: ${own} is the same as ${other}${shown(otherPath ?? '')}`;
  }
  const date = expires === undefined ? '' : ` (${expires.slice(0, 10)})`;
  return `${shown(path)}: ${name === undefined ? 'a certificate' : shown(name)} ${when(daysLeft)}${date}`;
}

function when(daysLeft: number | undefined): string {
  if (daysLeft === undefined) return 'expires at no known time';
  if (daysLeft === 0) return 'expires within a day';
  if (daysLeft > 0) return `expires in ${days(daysLeft)}`;
  return daysLeft === -1 ? 'expired within the last day' : `expired ${days(-daysLeft - 1)} ago`;
}

const days = (n: number): string => `${n} ${n === 1 ? 'day' : 'days'}`;

/**
 * What whoever backs up should hear of at once: certificates that have expired or soon do, keys that do not belong to
 * their certificate.
 * @param findings of one snapshot
 * @returns a few sentences, with names only; empty when all is well
 */
export function grave(findings: readonly FileFinding[], now: Date): string[] {
  const sentences = graveFindings(findings, now).map(findingText);
  const more = sentences.length - MAX_SENTENCES;
  return more > 0 ? [...sentences.slice(0, MAX_SENTENCES), `and ${more} more like these`] : sentences;
}

/** As `grave`, and before they are sentences; the gravest first. */
export function graveFindings(findings: readonly FileFinding[], now: Date): JudgedFinding[] {
  const counts = new Map<string, number>();
  for (const { kind, path } of findings)
    if (kind === 'certificate') counts.set(path, (counts.get(path) ?? 0) + 1);
  const judged = judgeFindings(findings, now).filter(
    ({ gravity, finding }) =>
      gravity === 'mismatch' ||
      ((gravity === 'expired' || gravity === 'expiring') && counts.get(finding.path)! <= MAX_CHAIN),
  );
  // The same one in cert.pem and in fullchain.pem is said once.
  const told = new Set<string>();
  return judged.filter(({ finding: { kind, name, expires } }) => {
    const key = JSON.stringify([kind, name, expires]);
    if (kind === 'certificate' && told.has(key)) return false;
    told.add(key);
    return true;
  });
}
