// Certificates that have expired, and private keys that do not belong to theirs: by the bytes that came back, never by
// what the snapshot says of them.
import { type FindingsWatch, watchFindings } from '../../../compare/findings.ts';
import { printableName } from '../../../pack/names.ts';
import { findingText, graveFindings } from '../../file-findings.ts';
import type { Check } from '../result.ts';
import type { Onlooker } from './tree.ts';

export interface CertificateCheck {
  readonly onlook: Onlooker;
  /** Once everything was looked at. */
  settle(now: Date): Promise<Check[]>;
}

export function certificateCheck(): CertificateCheck {
  const watch: FindingsWatch = watchFindings();
  const check = 'certificates' as const;
  return {
    onlook: (path, content) => watch.look(path, content),
    async settle(now) {
      const findings = await watch.settle();
      const grave = graveFindings(findings, now);
      const wrong = grave.filter(({ gravity }) => gravity === 'expired' || gravity === 'mismatch');
      const bad = new Set(wrong.map(({ finding }) => finding.path));
      const soon = new Map(grave.map((judged) => [judged.finding.path, judged]));
      const good = new Set(findings.flatMap(({ kind, path }) => (kind === 'certificate' ? path : [])));
      const checks: Check[] = wrong.map((judged) => {
        const message = afterPath(findingText(judged));
        return { check, subject: printableName(judged.finding.path), outcome: 'failed', message };
      });
      for (const path of [...good].sort()) {
        if (bad.has(path)) continue;
        const judged = soon.get(path);
        const message = judged && afterPath(findingText(judged));
        const subject = printableName(path);
        checks.push({ check, subject, outcome: 'passed', ...(message === undefined ? {} : { message }) });
      }
      for (const reason of watch.leftOut()) {
        checks.push({ check, subject: 'certificates and keys', outcome: 'skipped', message: reason });
      }
      return checks;
    },
  };
}

/** A finding's sentence begins with its path, which is the subject here. */
function afterPath(text: string): string {
  return text.slice(text.indexOf(': ') + 2);
}
