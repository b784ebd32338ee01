import { describe, expect, it } from 'vitest';
import { drillMarkdown, drillPage } from '../../src/pages/drill-report.ts';
import type { Check } from '../../src/vault/drill/result.ts';
import { scratch } from '../support/vault.ts';
import { laidOut, missingPrograms, printedText, writePage } from './browser.ts';
import { drillOf, failedDrill, partOf, passed, snapshotOf } from './drill-sample.ts';

const EVIL = '<img src=x>|`](https://evil.example)\n\u202e';

/** As many of everything as somebody with bad intentions, or many machines, can make it. */
function hugeDrill(n = 2000) {
  const wrong = (i: number): Check => ({
    check: 'files',
    subject: `f${i}`,
    outcome: 'failed',
    message: 'x'.repeat(5000),
  });
  const skipped = (i: number): Check => ({
    check: 'stream',
    subject: `s${i}`,
    outcome: 'skipped',
    message: 'no',
  });
  const many = <T>(of: (i: number) => T) => Array.from({ length: n }, (_, i) => of(i));
  return drillOf({
    passed: false,
    parts: many((i) =>
      partOf(`set-${i}`, 'web-1', {
        passed: i !== n - 1,
        checks:
          i === n - 1 ? [...many(wrong), ...many(skipped), ...many((k) => passed('dotenv', `e${k}`))] : [],
        phases: [{ name: 'restore files', at: i, seconds: 1 }],
      }),
    ),
    manual: many((i) => `look ${i}`),
  });
}

describe('the report of a drill', () => {
  it('says that all came back, in what time, and what was looked at', () => {
    for (const text of [drillMarkdown(drillOf()), drillPage(drillOf())]) {
      for (const said of [
        'Drill of the vault shop: passed',
        'Everything came back in 5.5 s',
        'compose.yaml',
        'at most 6 h',
        '1 h 23 min',
        '48210, as expected',
        'Log in as a customer',
        'drills/20261120T072205Z-3c8n2k.json',
        'in memory, wiped',
      ])
        expect(text).toContain(said);
      expect(text).not.toContain('What failed');
    }
  });

  it('says first what failed, and never by colour alone', () => {
    const markdown = drillMarkdown(failedDrill());
    expect(markdown).toContain('> **Failed.** 7 of 17 checks failed. 1 check could say nothing.');
    expect(markdown).toContain(
      '| `app` by `web-1` | Certificates and keys | `tls/site.key` | this private key does not belong to the certificate tls/site.pem |',
    );
    expect(markdown).toContain(
      '| the whole | **not measured: failed** | at most 4 h | **1 d 6 h: failed** | at most 6 h |',
    );
    expect(markdown).toContain('There was no snapshot to restore.');
    expect(markdown).toContain('none was kept');
    expect(markdown.indexOf('## What failed')).toBeLessThan(markdown.indexOf('## Summary'));
  });

  it('says so when there was nothing to restore', () => {
    const nothing = drillOf({ parts: [], passed: false, recoveryTime: undefined, recoveryPoint: undefined });
    expect(drillMarkdown(nothing)).toContain('> **Failed.** There was nothing to restore.');
  });

  it('shows every name as what it is', () => {
    const part = partOf(EVIL, EVIL, {
      snapshot: snapshotOf('app', 'web-1', { label: EVIL }),
      checks: [
        passed('dotenv', EVIL, EVIL),
        { check: 'query', subject: EVIL, outcome: 'failed', message: EVIL },
        { check: 'stream', subject: EVIL, outcome: 'skipped', message: EVIL },
      ],
      phases: [{ name: EVIL, at: 0, seconds: 1 }],
    });
    const report = {
      ...drillOf({ parts: [part], manual: [EVIL], evidence: EVIL, passed: false }),
      by: EVIL,
      tool: EVIL,
      vault: { name: EVIL, id: EVIL, location: EVIL },
    };
    const page = drillPage(report);
    expect(page).not.toMatch(/<img|\u202e/);
    expect(page.split('&lt;img').length).toBeGreaterThan(15);
    const markdown = drillMarkdown(report);
    expect(markdown).not.toMatch(/\u202e|(?<!\\)\]\(|[^\\]:\/\/evil(?![^`\n]*`)/);
    for (const line of markdown.split('\n').filter((row) => row.startsWith('| ')))
      expect(line.split('|').length, line).toBeLessThan(8);
  });

  it('has an end, however much there is', () => {
    const [page, markdown] = [drillPage(hugeDrill()), drillMarkdown(hugeDrill())];
    expect(page.length).toBeLessThan(400_000);
    expect(markdown.length).toBeLessThan(200_000);
    // What failed is among what is shown, though it comes last.
    expect(markdown).toContain('## `set-1999` by `web-1`: **failed**');
    expect(markdown).toContain('And 1900 failed checks more.');
  });

  it('loads nothing', () => {
    for (const page of [drillPage(drillOf()), drillPage(failedDrill())]) {
      expect(page).not.toMatch(
        /<(?:script|img|link|iframe|object|embed|form|base|a)\b|\bsrc=|\bhref=|url\(|@import|\sstyle=/i,
      );
      expect(page).toContain('default-src &#39;none&#39;');
    }
  });
});

describe.skipIf(missingPrograms.length > 0)(
  `the report in a browser and on paper (needs chromium, pdftoppm; missing: ${missingPrograms.join(', ') || 'nothing'})`,
  () => {
    it('fits a phone, by day and by night', { timeout: 60_000 }, () => {
      const directory = scratch();
      const long = partOf('s'.repeat(63), 'h'.repeat(63), {
        checks: [
          { check: 'files', subject: 'deep/'.repeat(80), outcome: 'failed', message: 'word'.repeat(100) },
        ],
        phases: [{ name: `load ${'x'.repeat(63)}`, at: 0, seconds: 2 }],
      });
      const { result } = failedDrill();
      const path = writePage(directory, drillPage(drillOf({ ...result, parts: [long, ...result.parts] })));
      const [day, night] = [laidOut(directory, path, 360), laidOut(directory, path, 360, true)];
      for (const seen of [day, night]) {
        expect(seen.width).toBe(360);
        expect([seen.contrast >= 4.5, seen.worst, seen.contrast]).toEqual([true, seen.worst, seen.contrast]);
      }
      expect([day.background, night.background]).toEqual(['rgb(255, 255, 255)', 'rgb(20, 23, 28)']);
      expect(laidOut(directory, path, 900).width).toBe(900);
    });

    it('cuts no row on paper', { timeout: 60_000 }, () => {
      const directory = scratch();
      const checks = Array.from(
        { length: 60 },
        (_, i): Check => ({
          check: 'files',
          subject: `r${i}a.env`,
          outcome: 'failed',
          message: `${'of several lines '.repeat(6 + (i % 7))}r${i}z`,
        }),
      );
      const page = drillPage(
        drillOf({ passed: false, parts: [partOf('app', 'web-1', { checks, passed: false })] }),
      );
      const paper = page
        .replace(/<meta http-equiv[^>]*>/, '')
        .replace('</style>', '@page { size: A4; }</style>');
      const sheets = printedText(directory, writePage(directory, paper));
      expect(sheets.length).toBeGreaterThan(2);
      const sheetOf = (word: string) => sheets.findIndex((text) => text.includes(word));
      for (let i = 0; i < checks.length; i++) {
        expect(sheetOf(`r${i}z`), `row ${i}`).toBe(sheetOf(`r${i}a.env`));
        expect(sheetOf(`r${i}z`)).toBeGreaterThanOrEqual(0);
      }
      // Its head stands above each piece of the table.
      expect(sheets.slice(0, 3).every((text) => text.includes('What is wrong'))).toBe(true);
    });
  },
);
