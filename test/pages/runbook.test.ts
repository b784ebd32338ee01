import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { runbookMarkdown, runbookPage } from '../../src/pages/runbook.ts';
import { streamFacts } from '../../src/vault/recovery/runbook-streams.ts';
import { RECOVERY_TEXT } from '../../src/vault/recovery-text.ts';
import { scratch } from '../support/vault.ts';
import { laidOut, missingPrograms, printedText, writePage } from './browser.ts';
import { groupOf, localSet, runbookOf } from './runbook-sample.ts';

const EVIL = '<img src=x>|`](https://evil.example)\n\u202e';

/** The same with other streams in its first set. */
function withStreams(
  streams: Record<string, readonly [type: string, settings: object]>,
  held = Object.keys(streams),
) {
  const all = Object.entries(streams).map(([name, [type, settings]]) =>
    streamFacts({ name, type, settings: { ...settings } }),
  );
  return runbookMarkdown(
    runbookOf({
      sets: [
        {
          name: 'db',
          local: localSet('db', { isStreamsOnly: true }),
          streams: all,
          groups: [groupOf('db', 'web-1', { streams: held })],
        },
      ],
    }),
  );
}

describe('the page of a runbook', () => {
  it('says what the vault is, where it is, and who opens it', () => {
    const markdown = runbookMarkdown(runbookOf());
    for (const said of [
      '# Disaster recovery of the vault shop',
      'Written 2026-11-20 07:30 UTC on `web-1` by strongroom 0.1.0, from revision 3 of the vault, of 2026-11-02 10:00 UTC.',
      '| 1. `s3://acme-backups/shop` | bucket, region `eu-central-1` |',
      '| 2. `/mnt/offsite/shop` | directory |',
      '| `cloud` | AWS KMS key `arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab` | 2026-03-02 |',
      '| `kit` | recovery kit or shares, on paper |',
      'passed on 2026-11-14 07:21 UTC (back in 4 min 12 s, 1 h 23 min would have been lost)',
      'Of the whole: promised everything is back within 4 h, a drill at least every 90 d.',
      'Written without a key',
    ])
      expect(markdown).toContain(said);
    expect(markdown).not.toContain('only one way in');
    const [key] = runbookOf().runbook.keys;
    expect(runbookMarkdown(runbookOf({ keys: [key!] }))).toContain('**There is only one way in.**');
    expect(runbookMarkdown(runbookOf({ isPinned: false }))).toContain('Nothing vouched for this vault');
  });

  it('has the steps in their order, with commands that a shell takes', () => {
    const markdown = runbookMarkdown(runbookOf());
    const titles = [...markdown.split('## Without strongroom')[0]!.matchAll(/^### (.*)$/gm)].map(
      ([, title]) => title,
    );
    expect(titles).toEqual([
      '1. Install strongroom',
      '2. Say where the vault is',
      '3. Take one key',
      '4. Check that it is the right vault, and sound',
      '5. Get the configuration back',
      '6. Restore the sets, in this order',
      '7. Load the dumps',
      '8. Compare what is there with the vault',
      '9. Look at it yourself',
      '10. Afterwards',
    ]);
    for (const line of [
      'npm install --global ./strongroom-0.1.0.tgz',
      'export AWS_REGION=eu-central-1',
      'unset AWS_REGION\nexport STRONGROOM_LOCATION=/mnt/offsite/shop',
      'strongroom restore latest --set app --host web-1 --in-place',
      'strongroom restore latest --set app --host web-1 --load db --into shop',
      '(cd /srv/shop && STRONGROOM_DRILL_ROOT="$PWD" ./smoke.sh --quick)',
      'unset STRONGROOM_LOCATION  # strongroom.yaml says it\nstrongroom hosts enroll --may write,maintain  #',
      'strongroom schedule install --every 3h',
      'aws s3 sync s3://acme-backups/shop vault-copy && cd vault-copy',
    ])
      expect(markdown).toContain(line);
    expect(markdown).toContain(
      'Comes back: `secrets/*` as 0444, all of it belongs to 1000:1000, which only root can give.',
    );
    expect(markdown.split('Files come back 0600, programs and directories 0700')).toHaveLength(2);
    for (const [, block] of markdown.matchAll(/^```sh\n(.*?)\n```$/gms))
      execFileSync('bash', ['-n', '-c', block!]);
  });

  it('quotes names for the shell', () => {
    const { runbook } = runbookOf();
    const local = {
      ...runbook.local,
      configFile: "/srv/Ann's shop/strongroom.yaml",
      places: [{ location: "/mnt/Ann's vault" }],
    };
    const sets = runbook.sets.map((set) => ({ ...set, local: { ...set.local!, root: "/srv/Ann's shop" } }));
    const markdown = runbookMarkdown(runbookOf({ local, sets }));
    expect(markdown).toContain("export STRONGROOM_LOCATION='/mnt/Ann'\\''s vault'");
    expect(markdown).toContain("mkdir -p -m 700 '/srv/Ann'\\''s shop' && cd '/srv/Ann'\\''s shop'");
    expect(markdown).toContain(
      'web-1 strongroom.yaml > strongroom.yaml.new && mv strongroom.yaml.new strongroom.yaml',
    );
  });

  it('loads roles first, and each kind of dump as it is loaded', () => {
    const markdown = withStreams({
      main: ['postgres', { database: 'shop', format: 'custom' }],
      roles: ['postgres', { format: 'globals' }],
      cache: ['redis', { host: 'cache', port: 6379 }],
      state: ['sqlite', { file: 'data/state.db' }],
      raft: ['command', { run: ['raft', 'snapshot'] }],
      own: ['command', { run: ['x'], load: ['y', '{into}'] }],
      url: ['mysql', { url: { dotenv: '.env', key: 'DATABASE_URL' } }],
    });
    const lines = [
      ...markdown.matchAll(/^(?:strongroom (?:restore|cat).*(?:--load|--stream)|psql|[A-Z]+=).*$/gm),
    ].map(([line]) => line);
    const chosen = 'latest --set db --host web-1';
    expect(lines).toEqual([
      `strongroom restore ${chosen} --load main --into shop`,
      `strongroom cat ${chosen} --stream roles > roles.sql`,
      'psql -d postgres -f roles.sql',
      `strongroom restore ${chosen} --load cache --into dump.rdb`,
      `strongroom restore ${chosen} --load state --into data/state.db`,
      `strongroom cat ${chosen} --stream raft > raft.dump`,
      'PLACE=  # fill in: what its load: takes',
      `strongroom restore ${chosen} --load own --into "\${PLACE:?}"`,
      'DATABASE=  # fill in: its name, at the end of DATABASE_URL in .env',
      `strongroom restore ${chosen} --load url --into "\${DATABASE:?}"`,
    ]);
    expect(markdown).toContain(
      'Without `--into` it is loaded into a scratch database of a name of its own, which the application does not use.',
    );
    expect(markdown).toContain('its server was at `cache, port 6379`');
    expect(markdown).toContain('`url` is read from `DATABASE_URL in .env`');
    expect(markdown).toContain('mariadb or mysql');
  });

  it('lets the new host do what the lost one could, and says to remove only a key that was brought', () => {
    const { runbook } = runbookOf();
    const [key] = runbook.keys;
    const [, ci] = runbook.hosts;
    expect(runbookMarkdown(runbookOf())).toContain('`rm "$key_file"`');
    const other = runbookMarkdown(
      runbookOf({ hosts: [ci!], keys: [key!], local: { ...runbook.local, isLocated: false } }),
    );
    expect(other).toContain('strongroom hosts enroll  #');
    expect(other).not.toMatch(/unset STRONGROOM_LOCATION|key_file|SSH key that was brought/);
    const ssh = runbookMarkdown(runbookOf({ keys: [{ ...key!, method: 'ssh' }] }));
    expect(ssh).toContain('An SSH key that was brought here is gone from it.');
    // It may be the only one of its owner.
    expect(ssh).not.toContain('`rm ');
  });

  it('says which dumps are missing, and how to get at those that the configuration does not know', () => {
    const markdown = withStreams({ main: ['postgres', { database: 'shop' }] }, ['old']);
    expect(markdown).toContain('**The newest snapshot holds no dump of it**');
    expect(markdown).toContain('strongroom cat latest --set db --host web-1 --stream old > db-old.dump');
  });

  it('has a set of several machines for each, one without snapshots for none, and one that nobody configured', () => {
    const sets = [
      {
        name: 'app',
        local: localSet('app'),
        streams: [],
        groups: [
          groupOf('app', 'web-1'),
          groupOf('app', 'web-2'),
          groupOf('app', 'gone', { isExpected: false }),
        ],
      },
      { name: 'new', local: localSet('new'), streams: [], groups: [] },
      {
        name: 'adhoc',
        local: undefined,
        streams: [],
        groups: [groupOf('adhoc', 'gone', { isExpected: false })],
      },
    ];
    const markdown = runbookMarkdown(runbookOf({ sets }));
    expect(markdown).toContain('--set app --host web-1 --in-place');
    expect(markdown).toContain('--set app --host web-2 --in-place');
    expect(markdown).not.toContain('--set app --host gone');
    expect(markdown).toContain('Several machines write it');
    expect(markdown).toContain('**It has no good snapshot**');
    expect(markdown).toContain('strongroom restore latest --set adhoc --host gone --target ~/restored/adhoc');
  });

  it('takes the configuration from the set that it lies in, or from beyond', () => {
    const sets = (root: string) => [
      { name: 'app', local: localSet('app', { root }), streams: [], groups: [groupOf('app', 'web-1')] },
    ];
    expect(runbookMarkdown(runbookOf({ sets: sets('/srv') }))).toContain(
      '--host web-1 shop/strongroom.yaml >',
    );
    expect(runbookMarkdown(runbookOf({ sets: sets('/var/www') }))).toContain(
      '--host web-1 @outside/srv/shop/strongroom.yaml >',
    );
    const { local } = runbookOf().runbook;
    const without = runbookMarkdown(runbookOf({ local: { ...local, configFile: undefined, sets: [] } }));
    expect(without).toContain('No configuration was at hand when this page was written');
    expect(without).not.toContain('strongroom cat latest');
  });

  it('shows every name as what it is', () => {
    const { runbook } = runbookOf();
    const [key] = runbook.keys;
    const drill = { streams: new Map(), commands: [], manual: [EVIL] };
    const local = localSet('app', {
      root: EVIL,
      drill,
      restore: { owner: undefined, modes: [{ glob: EVIL, mode: 0o600 }] },
    });
    const page = runbookOf({
      name: EVIL,
      keys: [{ ...key!, by: EVIL, name: EVIL, recipient: EVIL, arn: EVIL }],
      hosts: [{ ...runbook.hosts[0]!, name: EVIL, sets: [EVIL] }],
      sets: [
        {
          name: EVIL,
          local,
          streams: [
            streamFacts({
              name: EVIL,
              type: EVIL,
              settings: { host: EVIL, user: EVIL, password: { file: EVIL }, database: EVIL },
            }),
          ],
          groups: [groupOf('app', EVIL, { streams: [EVIL] })],
        },
      ],
      local: {
        ...runbook.local,
        host: EVIL,
        configFile: `/${EVIL}`,
        places: [{ location: EVIL, endpoint: EVIL }],
        manual: [EVIL],
      },
    });
    const html = runbookPage(page);
    expect(html).not.toMatch(/<img|\u202e/);
    expect(html.split('&lt;img').length).toBeGreaterThan(25);
    const markdown = runbookMarkdown(page).split('## Without strongroom')[0]!;
    expect(markdown).not.toContain('\u202e');
    // Neither a link of Markdown outside of code, nor one that is made of an address.
    const prose = markdown
      .replace(/^```+sh\n.*?^```+$/gms, '')
      .replace(/(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)/g, '');
    expect(prose).not.toMatch(/(?<!\\)\]\(|https:\/\//);
    for (const line of markdown.split('\n').filter((row) => row.startsWith('| ')))
      expect(line.split('|').length, line).toBeLessThan(8);
  });

  it('has an end, however much there is', () => {
    const { runbook } = runbookOf();
    const many = <T>(of: (i: number) => T) => Array.from({ length: 3000 }, (_, i) => of(i));
    const page = runbookPage(
      runbookOf({
        keys: many((i) => ({ ...runbook.keys[1]!, name: `key-${i}` })),
        hosts: many((i) => ({ ...runbook.hosts[0]!, name: `ci-${i}`, sets: many((n) => `set-${n}`) })),
        sets: [{ ...runbook.sets[0]!, groups: many((i) => groupOf('app', `ci-${i}`)) }],
        local: {
          ...runbook.local,
          manual: many((i) => `look ${i}`),
          places: many((i) => ({ location: `/mnt/${i}` })),
        },
      }),
    );
    expect(page.length).toBeLessThan(300_000);
    expect(page).toContain('And 2900 hosts more.');
  });

  it('has every command of RECOVERY.md, and loads nothing', () => {
    const [page, markdown] = [runbookPage(runbookOf()), runbookMarkdown(runbookOf())];
    for (const line of RECOVERY_TEXT.split('\n').filter((text) => text.startsWith('    ')))
      expect(markdown).toContain(line);
    expect(page.match(/<span>/g)!.length).toBeGreaterThan(60);
    expect(page).not.toMatch(
      /<(?:script|img|link|iframe|object|embed|form|base|a)\b|\bsrc=|\bhref=|url\(|@import|\sstyle=/i,
    );
    expect(page).toContain('default-src &#39;none&#39;');
  });
});

describe.skipIf(missingPrograms.length > 0)(
  `the runbook in a browser and on paper (needs chromium, pdftoppm; missing: ${missingPrograms.join(', ') || 'nothing'})`,
  () => {
    it('fits a phone, by day and by night', { timeout: 60_000 }, () => {
      const directory = scratch();
      const path = writePage(directory, runbookPage(runbookOf({ name: 'n'.repeat(63) })));
      for (const isDark of [false, true]) {
        const seen = laidOut(directory, path, 360, isDark);
        expect(seen.width).toBe(360);
        expect([seen.contrast >= 4.5, seen.worst, seen.contrast]).toEqual([true, seen.worst, seen.contrast]);
      }
    });

    it('prints its steps, and cuts no row', { timeout: 60_000 }, () => {
      const directory = scratch();
      const keys = Array.from({ length: 60 }, (_, i) => ({
        ...runbookOf().runbook.keys[2]!,
        name: `k${i}a`,
        by: `${'several words '.repeat(3)}k${i}z`,
      }));
      const page = runbookPage(runbookOf({ keys }));
      const paper = page
        .replace(/<meta http-equiv[^>]*>/, '')
        .replace('</style>', '@page { size: A4; }</style>');
      const sheets = printedText(directory, writePage(directory, paper));
      const sheetOf = (word: string) => sheets.findIndex((text) => text.includes(word));
      for (let i = 0; i < keys.length; i++) {
        expect(sheetOf(`k${i}z`), `row ${i}`).toBe(sheetOf(`k${i}a`));
        expect(sheetOf(`k${i}a`)).toBeGreaterThanOrEqual(0);
      }
      // The steps begin on paper of their own, for whoever needs nothing else.
      expect(sheets[sheetOf('1. Install strongroom')]!.trimStart()).toMatch(/^On the day/);
      const text = sheets.join('\n').replace(/\s+/g, ' ');
      for (const command of [
        'strongroom restore latest --set app --host web-1 --in-place',
        'strongroom hosts enroll',
      ])
        expect(text).toContain(command);
    });
  },
);
