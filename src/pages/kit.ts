// The page of a recovery kit, made of plain data: what to keep, what to type, and the commands with this vault's real
// names. What is in the vault, and what a share is, it is told.
import { type Html, html, htmlPage } from './html.ts';
import { KIT_STYLE } from './kit-style.ts';
import { commandLines, markdownHtml } from './markdown.ts';
import { qrDrawing } from './qr.ts';

type QrGrid = readonly (readonly boolean[])[];

/** What a page says of the vault. */
export interface KitVault {
  readonly name: string;
  readonly id: string;
  readonly location: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
  /** The pin as one line. */
  readonly pin: string;
  readonly keyNumber: number;
  readonly sets: readonly string[];
  /** Name of the recovery key in the vault. */
  readonly key: string;
  /** The object that it opens. */
  readonly object: string;
  readonly postQuantum: boolean;
}

export interface KitShare {
  readonly index: number;
  readonly threshold: number;
  readonly count: number;
  /** Which set of shares, as people compare it. */
  readonly set: string;
  /** Without their numbers. */
  readonly lines: readonly string[];
  readonly qr: QrGrid;
}

export interface KitPage {
  readonly vault: KitVault;
  readonly share: KitShare;
  /** The whole identity, where the page holds it: `AGE-SECRET-KEY-…`. */
  readonly identity?: string;
  /** `2026-11-20 05:58 UTC` */
  readonly printed: string;
  readonly tool: string;
  /** RECOVERY.md. */
  readonly stockTools: string;
}

/** What the page is, in a line. */
export function kitTitle({ vault, share, identity }: KitPage): string {
  if (identity !== undefined) return `Recovery kit of the vault ${vault.name}`;
  return `Share ${share.index} of ${share.count} of the recovery key of the vault ${vault.name}`;
}

/** Who may do what with it: the first thing that anybody should read. */
export function kitWarning({ share, identity }: KitPage): string {
  return identity !== undefined
    ? 'Whoever holds this page opens the vault and everything in it. Keep it sealed, away from computers and from the backups, and show it to no camera but your own.'
    : `Any ${share.threshold} of these ${share.count} pages open the vault and everything in it. Keep each with another person or at another place, and never two together.`;
}

/** A word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The commands with strongroom, a line each; what follows two blanks and a # is for the reader. */
export function kitCommands({ vault, share, identity }: KitPage): string[] {
  return [
    `export STRONGROOM_LOCATION=${shellWord(vault.location)}`,
    identity === undefined
      ? `strongroom recovery join --output kit.txt  # asks for ${share.threshold} shares; takes files and scanned texts too`
      : 'strongroom recovery join --output kit.txt  # asks for the five lines of this page',
    'export STRONGROOM_IDENTITY_FILE=kit.txt',
    `strongroom trust ${vault.fingerprint}`,
    'strongroom list',
    'strongroom restore --target ./restored  # every set, each into restored/SET',
  ];
}

/**
 * Prints the vault's own key with stock tools, after a rotation too: the highest number first, and by its number, not
 * by its spelling. Names of keys that only begin alike are longer.
 */
export function ownKeyCommand({ key, object }: Pick<KitVault, 'key' | 'object'>): string {
  const random = object.slice(object.lastIndexOf('-') + 1, object.lastIndexOf('.'));
  const objects = `keys/*/${key}-${'?'.repeat(random.length)}.age`;
  return `for key in $(ls -d ${objects} | sort -t / -k 2nr); do age -d -i ~/kit.txt "$key" && break; done`;
}

/** @returns a whole HTML file */
export function kitPage(page: KitPage): string {
  const title = kitTitle(page);
  const body = html`<h1>${title}</h1>
<p>Printed ${page.printed} by ${page.tool}, for key number ${page.vault.keyNumber} of the vault</p>
<div class="warning">${kitWarning(page)}</div>
${keySection(page)}
${vaultSection(page)}
<section class="sheet">${strongroomSection(page)}</section>
<section class="sheet stock">${stockSection(page)}</section>
`;
  return htmlPage({ title, css: KIT_STYLE, body });
}

function keySection({ share, identity }: KitPage): Html {
  const lines = share.lines.map((line, i) => `${i + 1}  ${line}`).join('\n');
  const label = identity === undefined ? `share ${share.index} of ${share.count}` : 'the key';
  const whole =
    identity === undefined
      ? html``
      : html`<h3>The same key as the age program takes it: one line, without the gaps</h3>
<div class="identity mono">${groups(identity)}</div>`;
  return html`<h2>${identity === undefined ? `Share ${share.index}: any ${share.threshold} of the ${share.count} are needed` : 'The key'}</h2>
<div class="key"><div>
<pre class="lines" data-strongroom-share>${lines}</pre>
<p>Five lines of thirty letters. There is no letter O, I or B and no digit 1 in them; upper and lower case are the same. strongroom finds a typing error at once and says where it is.${identity === undefined ? ` Set ${share.set}.` : ''}</p>
</div>${qrDrawing(share.qr, `QR code of ${label}`)}</div>
${whole}`;
}

/** In groups that are told apart by gaps which are not copied. */
function groups(identity: string): Html[] {
  const at = identity.lastIndexOf('-') + 2;
  const rest = identity.slice(at).match(/.{1,5}/g) ?? [];
  return [identity.slice(0, at), ...rest].map((group) => html`<span>${group}</span>`);
}

function vaultSection({ vault }: KitPage): Html {
  const code = (text: string) => html`<code>${text}</code>`;
  const rows: readonly (readonly [string, Html])[] = [
    ['Vault', html`${vault.name}, id ${code(vault.id)}`],
    ['Where it was', code(vault.location)],
    ['Copies are at', html``],
    ['Fingerprint', code(vault.fingerprint)],
    ['This key opens', code(vault.object)],
    ['Its name', html`${vault.key}, as <code>strongroom keys list</code> shows it`],
    ['Sets when printed', html`${vault.sets.length > 0 ? vault.sets.join(', ') : 'none yet'}`],
    ['Kept by', html``],
  ];
  return html`<h2>The vault</h2>
<table>
${rows.map(([name, value]) => html`<tr><th>${name}</th><td${{ html: value.html === '' ? ' class="blank"' : '' }}>${value}</td></tr>\n`)}</table>`;
}

function strongroomSection(page: KitPage): Html {
  const { vault, share, identity } = page;
  const test = identity === undefined ? `with any ${share.threshold} of the shares` : 'with this page';
  return html`<h2>To open the vault with strongroom</h2>
<p>On a machine that you trust, where the vault or a copy of it can be read (write its place in the first line):</p>
${commandLines(kitCommands(page))}<p>The fingerprint on this page says which vault is the true one: if strongroom refuses it, somebody may have put another in its place. After <code>strongroom keys rotate</code> the vault has another fingerprint, and strongroom says so: that is no attack if your team rotated it since ${page.printed}; ask whoever did.</p>
<p>A file with scanned texts, one after the other, is given as <code>strongroom recovery join FILE</code>. When all is restored, remove kit.txt.</p>
<h3>The pin, where a whole one is needed (strongroom.yaml, <code>strongroom trust --pin</code>)</h3>
<pre class="pin">${vault.pin}</pre>
<h2>To keep it good</h2>
<ul>
<li>Once a year, and after every change of keys, ${test}: <code>strongroom recovery test</code> proves that it opens the vault, and writes nothing.</li>
<li>After <code>strongroom keys rotate</code> this page still opens the vault, but its names and its fingerprint are old: print it again with <code>${reprintCommand(vault.key, share)}</code> and destroy this one.</li>
<li>Lost, copied or seen by somebody: <code>strongroom keys rotate --without ${vault.key}</code> on any machine that opens the vault, then print a new one.</li>
</ul>`;
}

/** The command that makes pages anew. @param key its name in the vault */
export function reprintCommand(
  key: string,
  { count, threshold }: { count: number; threshold: number },
): string {
  const verb = count > 1 ? `split --shares ${count} --threshold ${threshold}` : 'kit';
  return `strongroom recovery ${verb} --replace${key === 'kit' ? '' : ` --name ${key}`}`;
}

function stockSection({ vault, share, identity, stockTools }: KitPage): Html {
  const first =
    identity === undefined
      ? html`<p>Shares are joined by <code>strongroom recovery join --output ~/kit.txt</code>, or by any program that follows docs/format.md of strongroom (“Recovery kit”: bech32m lines, Shamir’s scheme over GF(2^8)); from there on stock tools do, with ${share.threshold} shares joined to ~/kit.txt.</p>`
      : html`<p>Type the key that begins with AGE-SECRET-KEY into a file ~/kit.txt, not in the vault, as one line without gaps, or scan it.</p>`;
  return html`<h2>To open it without strongroom</h2>
${first}
<p>It opens one file of the vault, <code>${vault.object}</code>, which holds the vault’s own key. A rotation removes that file and makes another, keys/NUMBER/${vault.key}-….age: the one with the highest number counts. In the vault’s own directory this prints the key, whichever it is now${vault.postQuantum ? ' (age 1.3 or later)' : ''}:</p>
${commandLines([ownKeyCommand(vault)])}<p>The steps below find it too, by the vault document, and prove that. The vault holds these instructions too, in RECOVERY.md; those on paper nobody can have changed. The fingerprint to compare in step 2 is <code>${vault.fingerprint}</code> (another one after a rotation). Of a command that is longer than a line, the rest is indented: type it as one line.</p>
${markdownHtml(withoutTitle(stockTools).replaceAll('me.txt', 'kit.txt'), 2)}`;
}

function withoutTitle(markdown: string): string {
  return markdown.replace(/^# .*\n/, '');
}
