// Certificates that do not count today, and private keys that do not belong to theirs: by the bytes that came back, never
// by what the snapshot says of them.
import { mismatches } from '../../../compare/findings/mismatch.ts';
import type { FoundCertificate, PemFile } from '../../../compare/findings/pem-blocks.ts';
import { watchPem } from '../../../compare/findings/pem-watch.ts';
import { printableName } from '../../../pack/names.ts';
import { EXPIRES_WITHIN_MS, findingText, judgeFindings } from '../../file-findings.ts';
import type { Check } from '../result.ts';
import type { Onlooker } from './tree.ts';

export interface CertificateCheck {
  readonly onlook: Onlooker;
  /** Once everything was looked at. */
  settle(now: Date): Check[];
}

/** A file with more certificates is a list of authorities, some of which have always expired. */
const MAX_CHAIN = 20;

export function certificateCheck(): CertificateCheck {
  const pem = watchPem();
  return {
    onlook: (path, content) => pem.look(path, content),
    settle(now) {
      const files = pem.files();
      const checks = files.flatMap((file) => checkFile(file, now));
      const pairs = judgeFindings(mismatches(files), now).map((judged) =>
        said('failed', judged.finding.path, afterPath(findingText(judged))),
      );
      const left = pem.isSpent()
        ? [said('skipped', 'certificates and keys', 'there are too many: not all were looked at')]
        : [];
      return [...checks, ...pairs, ...left];
    },
  };
}

function checkFile({ path, certificates }: PemFile, now: Date): Check[] {
  if (certificates.length === 0) return [];
  if (certificates.length > MAX_CHAIN) {
    const over = certificates.filter((one) => stateOf(one, now).isWrong).length;
    const message = `a list of ${certificates.length} certificates, of which ${over} do not count today`;
    return [over === 0 ? said('passed', path) : said('skipped', path, message)];
  }
  const judged = certificates.map((one) => stateOf(one, now));
  const wrong = judged.filter(({ isWrong }) => isWrong);
  if (wrong.length > 0) return wrong.map(({ text }) => said('failed', path, text));
  return [said('passed', path, judged.find(({ text }) => text !== undefined)?.text)];
}

function stateOf({ subject, begins, expires }: FoundCertificate, now: Date) {
  const judged = judgeFindings(
    [{ kind: 'certificate', path: '', name: subject, expires }],
    now,
    EXPIRES_WITHIN_MS,
  )[0]!;
  const { gravity } = judged;
  if (Date.parse(begins) > now.getTime())
    return { isWrong: true, text: `${printableName(subject)} does not count before ${begins.slice(0, 10)}` };
  const isTold = gravity === 'expired' || gravity === 'expiring';
  return { isWrong: gravity === 'expired', text: isTold ? afterPath(findingText(judged)) : undefined };
}

function said(outcome: Check['outcome'], path: string, message?: string): Check {
  const check = { check: 'certificates', subject: printableName(path), outcome } as const;
  return message === undefined ? check : { ...check, message };
}

/** A finding's sentence begins with its path, which is the subject here. */
function afterPath(text: string): string {
  return text.slice(text.indexOf(': ') + 2);
}
