// The laptop with the key is gone, and so is whoever had the passphrase. What is left is paper: a kit in a safe, or
// shares with three people, and a machine that has never seen the vault.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { missingPrograms, qrText, screenshot } from '../pages/browser.ts';
import { killedAfter } from '../support/killed.ts';
import { type Machine, machines } from '../support/program.ts';

const PERSON = join(import.meta.dirname, '../cli/person.py');
const hasPython = spawnSync('python3', ['-c', 'import pty, termios']).status === 0;
const hasAge = spawnSync('age', ['--version']).status === 0;

const machine = machines();
let vault: string;
/** Where the pages lie: a printer's tray. */
let tray: string;
let web: Machine;
let laptop: { env: Record<string, string> };

beforeAll(async () => {
  web = machine('web-1');
  vault = join(web.directory, 'vault');
  tray = join(web.directory, 'tray');
  mkdirSync(tray, { mode: 0o700 });
  const { file, recipient } = await web.identity();
  laptop = { env: { STRONGROOM_IDENTITY_FILE: file } };
  web.write('.env', 'TOKEN=4711\n');
  web.write('certs/site.pem', 'PEM\n');
  await web.ok(['init', '--name', 'shop', '--location', vault, '--recipient', recipient]);
  await web.ok(['backup', '--set', 'app', '.env', 'certs']);
  await web.ok(['recovery', 'kit', '--output', join(tray, 'kit.html')], laptop);
  const split = ['recovery', 'split', '--shares', '5', '--threshold', '3', '--name', 'shares'];
  await web.ok([...split, '--output', join(tray, 'shares')], laptop);
});

const page = (n: number) => join(tray, `shares/share-${n}-of-5.html`);
/** The numbered lines of a page, as somebody reads them off it. */
const lines = (path: string): string[] =>
  /data-strongroom-share>([^<]*)</.exec(readFileSync(path, 'utf8'))![1]!.split('\n');
/** The commands of a page for strongroom, as they stand there. */
const commands = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/<span>((?:strongroom |export STRONGROOM).*?)<\/span>/g)].map(
    ([, line]) => line!,
  );

/** Types a page's commands into bash on a machine where `strongroom` is the program. */
function type(on: Machine, typed: readonly string[]) {
  const [node, main] = on.argv([]);
  const script = `set -e\nstrongroom() { "${node}" "${main}" "$@"; }\n${typed.join('\n')}\n`;
  return spawnSync('bash', ['-c', script], { cwd: on.work, env: on.env(), encoding: 'utf8' });
}

/** A person at a terminal of a machine. @returns what was seen there */
function atTerminal(
  on: Machine,
  args: readonly string[],
  steps: readonly (readonly [string, string])[],
  env: Record<string, string> = {},
) {
  const output = execFileSync('python3', [PERSON, JSON.stringify(steps), ...on.argv(args)], {
    cwd: on.work,
    env: on.env(env),
    encoding: 'utf8',
  });
  return JSON.parse(output) as { shown: string; stdout: string; code: number };
}

describe('three people come with their pages', () => {
  it('one as a file, one read out over the phone, one on a stick: test, join, trust, restore', async () => {
    const fresh = machine('fresh');
    fresh.write('ann.html', readFileSync(page(1)));
    fresh.write('bob.txt', `${lines(page(3)).join('\n').toLowerCase()}\n`);
    const given = ['ann.html', 'bob.txt', '-'];
    const input = lines(page(5)).join('\r\n');
    const proven = await fresh.ok(['recovery', 'test', ...given, '--location', vault], { input });
    expect(proven.stdout).toBe(
      'Shares 1, 3, 5 open the vault shop, by its key shares. Nothing was written.\n',
    );
    expect(existsSync(fresh.state)).toBe(false);
    // What the page says to type, with the shares at hand.
    const join3 = 'recovery join ann.html bob.txt eve.txt --output kit.txt';
    const typed = commands(page(1)).map((line) => line.replace(/recovery join --output kit\.txt.*/, join3));
    fresh.write('eve.txt', input);
    expect(typed).toHaveLength(6);
    const ran = type(fresh, typed);
    expect([ran.stderr, ran.status]).toEqual(['', 0]);
    expect(readFileSync(join(fresh.work, 'restored/app/.env'), 'utf8')).toBe('TOKEN=4711\n');
    expect(readFileSync(join(fresh.work, 'restored/app/certs/site.pem'), 'utf8')).toBe('PEM\n');
    expect((statSync(join(fresh.work, 'kit.txt')).mode & 0o777).toString(8)).toBe('600');
  });

  it.skipIf(!hasPython)('and type them at the terminal (needs python3)', async () => {
    const fresh = machine('typist');
    const [first, second, third] = [lines(page(2)), lines(page(4)), lines(page(5))];
    const ask = (at: number, line: number) => `Page ${at}, line ${line} of 5: `;
    const wrong = `${first[1]!.slice(0, -1)}${first[1]!.endsWith('Q') ? 'P' : 'Q'}`;
    const seen = atTerminal(
      fresh,
      ['recovery', 'test', '--location', vault],
      [
        [ask(1, 1), first[0]!],
        [first[0]!, '\r'],
        [ask(1, 2), `${wrong}\r`],
        ['in group 6 of 6. Type it again.', ''],
        [ask(1, 2), `${first[2]}\r`],
        ['That was line 3; line 2 comes next.', ''],
        // The rest is pasted.
        [ask(1, 2), `${first.slice(1).join('\r')}\r`],
        ['Share 2 of 5 is right. 2 more needed.', ''],
        // From the QR code, by a scanner that types.
        [ask(2, 1), `STRONGROOM SHARE 2 OF 5/${first.join('/').replaceAll('  ', ' ')}\r`],
        ['Share 2 was given already.', ''],
        [ask(2, 1), `${second.join('\r')}\r`],
        ['Share 4 of 5 is right. 1 more needed.', ''],
        [ask(3, 1), `${third.join('\r')}\r`],
      ],
    );
    expect([seen.code, seen.stdout]).toEqual([
      0,
      'Shares 2, 4, 5 open the vault shop, by its key shares. Nothing was written.\n',
    ]);
    // What is on the screen at the end: of each row, what came after it was last wiped.
    const left = seen.shown.split('\n').map((row) => row.split('\u001b[2K').at(-1));
    expect(left.filter((row) => /[0-9A-Z]{5} [0-9A-Z]{5}/.test(row ?? ''))).toEqual([]);
    expect(seen.shown).toContain(`Page 1, line 1 of 5: ${first[0]}`);
  });

  it('of whom one has the page of another vault', async () => {
    const other = machine('other');
    const { file, recipient } = await other.identity();
    other.write('.env', 'x\n');
    await other.ok(['init', '--location', join(other.directory, 'vault'), '--recipient', recipient]);
    const split = ['recovery', 'split', '--output', 'theirs'];
    await other.ok(split, { env: { STRONGROOM_IDENTITY_FILE: file } });
    const theirs = join(other.work, 'theirs/share-2-of-5.html');
    const ran = await machine('helper').run([
      'recovery',
      'test',
      page(1),
      page(3),
      theirs,
      '--location',
      vault,
      '--json',
    ]);
    expect([ran.code, ran.failure().code, ran.failure().object]).toEqual([
      12,
      'foreign-share',
      `share 2 in ${theirs}`,
    ]);
  });
});

describe('one opens the safe', () => {
  it('and types the commands of the kit', async () => {
    const fresh = machine('safe');
    fresh.write('kit.html', readFileSync(join(tray, 'kit.html')));
    const typed = commands(join(tray, 'kit.html')).map((line) =>
      line.replace(/join --output kit.txt.*/, 'join kit.html'),
    );
    const ran = type(fresh, typed);
    expect([ran.stderr, ran.status]).toEqual(['', 0]);
    expect(readFileSync(join(fresh.work, 'restored/app/.env'), 'utf8')).toBe('TOKEN=4711\n');
  });

  it.skipIf(!hasAge)('has no strongroom, but the age program (needs age)', () => {
    const place = join(web.directory, 'stock');
    cpSync(vault, place, { recursive: true });
    const html = readFileSync(join(tray, 'kit.html'), 'utf8');
    const shown = /<div class="identity mono">(.*?)<\/div>/s.exec(html)![1]!;
    const [, quoted = ''] = /<span>(for key in \$\(ls [^<]*)<\/span>/.exec(html)!;
    const command = quoted.replaceAll('&amp;', '&').replaceAll('&quot;', '"');
    const data = join('data/app', readdirSync(join(place, 'data/app'))[0]!);
    const parts = join(data, readdirSync(join(place, data))[0]!, 'files.tar.gz.age.*');
    const script = `umask 077\necho '${shown.replace(/<[^>]*>/g, '')}' > ~/kit.txt
${command} > identity.txt
cat ${parts} | age -d -i identity.txt | gzip -dc | tar -xO .env\n`;
    const home = join(web.directory, 'stock-home');
    mkdirSync(home);
    const env = { PATH: process.env.PATH, HOME: home };
    const ran = spawnSync('bash', ['-c', script], { cwd: place, env, encoding: 'utf8' });
    expect([ran.stderr, ran.stdout]).toEqual(['', 'TOKEN=4711\n']);
  });

  it.skipIf(missingPrograms.length > 0 || !hasAge)(
    'and scans the code instead (needs age, chromium, pdftoppm)',
    { timeout: 60_000 },
    async () => {
      const fresh = machine('scanner');
      const key = qrText(screenshot(fresh.directory, join(tray, 'kit.html')));
      fresh.write('scanned.txt', `${key}\n`);
      const env = { STRONGROOM_IDENTITY_FILE: 'scanned.txt' };
      const ran = await fresh.ok(
        ['cat', 'latest', '.env', '--location', vault, '--host', 'web-1', '--trust-new'],
        { env },
      );
      expect(ran.stdout).toBe('TOKEN=4711\n');
      // The code of a share, as the phone sent it.
      const codes = [2, 3, 4].map((n) => qrText(screenshot(fresh.directory, page(n))));
      const joined = await fresh.ok(['recovery', 'join', '--location', vault], { input: codes.join('\n') });
      expect(joined.stdout).toContain(`strongroom --location ${vault} trust SHA256:`);
    },
  );
});

describe('the kit is printed anew, and the machine dies', () => {
  it('at any moment: the old page opens the vault, or the new one does', { timeout: 60_000 }, async () => {
    const desk = machine('desk');
    const { file, recipient } = await desk.identity();
    const place = join(desk.directory, 'vault');
    const env = { STRONGROOM_IDENTITY_FILE: file, STRONGROOM_LOCATION: place };
    await desk.ok(['init', '--name', 'shop', '--location', place, '--recipient', recipient], { env });
    const print = (n: number) => [
      'recovery',
      'kit',
      '--output',
      `${n}.html`,
      ...(n > 0 ? ['--replace', '--yes'] : []),
    ];
    const opens = async (n: number) =>
      existsSync(join(desk.work, `${n}.html`)) &&
      (await desk.run(['recovery', 'test', `${n}.html`], { env })).code === 0;
    const began = performance.now();
    await desk.ok(print(0), { env });
    const whole = performance.now() - began;
    let good = 0;
    for (let n = 1; n <= 8; n++) {
      await killedAfter(desk, whole * (0.4 + 0.07 * n), print(n), { env });
      const [before, after] = [await opens(good), await opens(n)];
      expect([before, after].filter(Boolean)).toHaveLength(1);
      if (after) good = n;
    }
  });
});

describe.skipIf(!hasPython)('whoever is asked whether to replace a kit (needs python3)', () => {
  const PROMPT = 'open nothing then. [y/N] ';

  it.each([
    ['says no', 'n\r', 1],
    ['presses Ctrl-C', '\u0003', 130],
  ])('and %s keeps the old one, and scripts are told', async (_, answer, code) => {
    const replace = ['recovery', 'kit', '--replace', '--output', 'new.html', '--location', vault];
    const seen = atTerminal(web, replace, [[PROMPT, answer]], laptop.env);
    expect([seen.code, existsSync(join(web.work, 'new.html'))]).toEqual([code, false]);
    expect(seen.shown).toContain(code === 1 ? 'nothing was changed' : PROMPT);
  });
});

describe('nothing of it stays where it should not', () => {
  it('the machine that made the pages keeps no copy of the key', () => {
    const kept = [web.state, web.cache, vault].filter((path) => existsSync(path));
    const found = spawnSync('grep', ['-rl', 'AGE-SECRET-KEY', ...kept], { encoding: 'utf8' });
    expect(found.stdout).toBe('');
  });
});
