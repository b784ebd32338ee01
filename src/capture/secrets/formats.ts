// Tokens that can be told by their form alone: a prefix that its issuer chose so that scanners know it. Our own table,
// by what the issuers and the rules of gitleaks publish; no rule here needs the name of the value.

/** What a piece of text is: the name of the rule that says so, and where in the text. */
export interface Match {
  readonly rule: string;
  readonly index: number;
}

/** Rule, what the word begins with, and how it goes on. */
const TOKENS: readonly (readonly [rule: string, prefixes: string, rest: RegExp])[] = [
  ['GitHub token', 'ghp_ gho_ ghu_ ghs_ ghr_', /^[A-Za-z0-9]{36,255}$/],
  ['GitHub token', 'github_pat_', /^\w{60,255}$/],
  [
    'GitLab token',
    'glpat- gldt- glrt- glptt- glcbt- glft- glimt- glagent- glsoat- gloas-',
    /^[\w.-]{20,300}$/,
  ],
  ['AWS access key', 'AKIA ASIA ABIA ACCA', /^[A-Z2-7]{16}$/],
  ['Google API key', 'AIza', /^[\w-]{35}$/],
  ['Google OAuth secret', 'GOCSPX-', /^[\w-]{28}$/],
  ['Google OAuth token', 'ya29.', /^[\w-]{30,}$/],
  ['Slack token', 'xoxb- xoxp- xoxa- xoxo- xoxs- xoxr- xoxe- xoxe. xapp-', /^[A-Za-z0-9.-]{20,}$/],
  ['Stripe key', 'sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_ whsec_', /^[A-Za-z0-9]{10,200}$/],
  ['OpenAI key', 'sk-proj- sk-svcacct- sk-admin-', /^[\w-]{20,}$/],
  ['Anthropic key', 'sk-ant-', /^[\w-]{40,}$/],
  ['API key', 'sk-', /^[A-Za-z0-9]{32,64}$/],
  ['SendGrid token', 'SG.', /^[\w-]{16,32}\.[\w-]{32,64}$/],
  ['Mailgun key', 'key-', /^[a-f0-9]{32}$/],
  ['Mailchimp token', 'md-', /^[\w-]{22}$/],
  ['Twilio key', 'SK', /^[0-9a-f]{32}$/],
  ['npm token', 'npm_', /^[A-Za-z0-9]{36}$/],
  ['PyPI token', 'pypi-AgE', /^[\w-]{50,1000}$/],
  ['RubyGems key', 'rubygems_', /^[a-f0-9]{48}$/],
  ['Docker token', 'dckr_pat_ dckr_oat_', /^[\w-]{27,40}$/],
  ['Hugging Face token', 'hf_ api_org_', /^[A-Za-z]{34}$/],
  ['Vault token', 'hvs. hvb. hvr.', /^[\w-]{24,300}$/],
  ['DigitalOcean token', 'dop_v1_ doo_v1_ dor_v1_', /^[a-f0-9]{64}$/],
  ['Databricks token', 'dapi', /^[a-f0-9]{32}(?:-\d)?$/],
  ['Doppler token', 'dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.', /^[\w.]{40,60}$/],
  ['Dynatrace token', 'dt0c01. dt0s16.', /^[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}$/],
  ['Grafana token', 'glsa_ glc_', /^[\w-]{32,400}$/],
  ['New Relic key', 'NRAK- NRJS- NRII-', /^[\w-]{19,40}$/],
  ['Linear key', 'lin_api_', /^[A-Za-z0-9]{40}$/],
  ['Notion token', 'ntn_', /^[A-Za-z0-9]{40,60}$/],
  ['PlanetScale key', 'pscale_tkn_ pscale_pw_ pscale_oauth_', /^[\w.-]{32,64}$/],
  ['Postman key', 'PMAK-', /^[a-f0-9]{24}-[a-f0-9]{34}$/],
  ['Pulumi token', 'pul-', /^[a-f0-9]{40}$/],
  ['Shopify token', 'shpat_ shpca_ shppa_ shpss_', /^[a-fA-F0-9]{32}$/],
  ['Square token', 'sq0atp- sq0csp-', /^[\w-]{22,60}$/],
  ['Sentry token', 'sntrys_eyJ sntryu_', /^[\w-]{60,}$/],
  ['Supabase key', 'sbp_ sb_secret_', /^[\w-]{30,}$/],
  ['Tailscale key', 'tskey-', /^[a-z]+-[\w-]{16,80}$/],
  ['Fly.io token', 'fo1_ fm1r_ fm1a_ fm2_', /^[\w-]{43,}$/],
  ['Atlassian token', 'ATATT3 ATBB ATCTT3', /^[\w-]{28,250}$/],
  ['Heroku key', 'HRKU-AA', /^[\w-]{58}$/],
  ['1Password token', 'ops_eyJ', /^[\w-]{100,}$/],
  ['Artifactory key', 'AKCp', /^[A-Za-z0-9]{69}$/],
  ['EasyPost key', 'EZAK EZTK', /^[A-Za-z0-9]{54}$/],
  ['Terraform Cloud token', '', /^[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,70}$/],
  ['JSON web token', 'eyJ', /^[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}$/],
  ['Mapbox token', 'sk.eyJ', /^[\w-]{20,}\.[\w-]{20,}$/],
  ['age key', 'AGE-SECRET-KEY-', /^(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{50,}$/],
];

/** By their first two characters: one look-up for each long word. */
const BY_START = new Map<string, { rule: string; prefix: string; rest: RegExp }[]>();
for (const [rule, prefixes, rest] of TOKENS) {
  for (const prefix of prefixes.split(' ')) {
    const start = prefix.slice(0, 2);
    BY_START.set(start, [...(BY_START.get(start) ?? []), { rule, prefix, rest }]);
  }
}

/** The shortest token that there is: an access key of AWS. */
const SHORTEST = 20;
const LONGEST = 2000;
/** Of letters, digits, `_`, `.` and `-`: what tokens of these forms are made of. */
const IN_WORD = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\w.-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/**
 * Runs of such characters that are long enough. Looks back from where the shortest would end, so that most characters
 * are never asked: every file goes through here.
 */
function* longWords(text: string): Generator<{ word: string; index: number }> {
  const isIn = (at: number): boolean => IN_WORD[text.charCodeAt(at)] === 1;
  for (let start = 0; start + SHORTEST <= text.length; ) {
    let at = start + SHORTEST - 1;
    while (at >= start && isIn(at)) at -= 1;
    if (at >= start) {
      start = at + 1;
      continue;
    }
    let end = start + SHORTEST;
    while (end < text.length && isIn(end)) end += 1;
    if (end - start <= LONGEST) yield { word: text.slice(start, end), index: start };
    start = end + 1;
  }
}

/** Filled in by nobody yet, or in every manual. */
const STAND_IN = /EXAMPLE|([A-Za-z0-9*.-])\1{7}|your[_-]/i;
/** The words between which each of these is looked for, as one search of plain text is much cheaper than a pattern. */
const OTHERS: readonly (readonly [rule: string, tell: string, pattern: RegExp])[] = [
  [
    'private key',
    'PRIVATE KEY',
    /(?:^|\n|\\n|["'`=: \t])-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\r?\n|\\n)[ \t]*(?:[A-Za-z0-9+/=]{16}|[A-Z][A-Za-z-]+: |\r?\n)/g,
  ],
  ['private key', 'PuTTY-User-Key-File-', /(?:^|\n)PuTTY-User-Key-File-\d: /g],
  ['Slack webhook', 'hooks.slack.com', /hooks\.slack\.com\/(?:services|workflows|triggers)\/[\w/+-]{40,60}/g],
  ['Discord webhook', '/api/webhooks/', /discord(?:app)?\.com\/api\/webhooks\/\d{17,20}\/[\w-]{60,80}/g],
  ['Telegram token', ':AA', /(?:^|[^\w])\d{8,10}:AA[\w-]{33}(?![\w-])/g],
  ['Azure key', 'AccountKey=', /AccountKey=[A-Za-z0-9+/]{86}==/g],
  ['Azure client secret', 'Q~', /(?:^|[^\w~.-])[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])/g],
];

/** What needs no looking for a secret in it: a variable, a hole in a template, `user:password@`. */
const NO_PASSWORD =
  /^(?:\$|%|\{|<|\*+$|x+$|\.+$|pass(?:w(?:or)?d)?$|pwd$|secret$|token$|change-?me$|your|example$)/i;

/**
 * Tokens of known forms.
 *
 * @param text in which each character is one byte, or any other
 * @returns in the order of the rules, not of the text
 */
export function knownTokens(text: string): Match[] {
  const found: Match[] = [];
  for (const { word, index } of longWords(text)) {
    const candidate = word.replace(/^[.-]+|[.-]+$/g, '');
    const rule = tokenRule(candidate);
    if (rule !== undefined && !STAND_IN.test(candidate)) found.push({ rule, index });
  }
  for (const [rule, tell, pattern] of OTHERS) {
    if (!text.includes(tell)) continue;
    for (const { 0: all, index } of text.matchAll(pattern)) {
      if (!STAND_IN.test(all)) found.push({ rule, index: index + (/^\s/.test(all) ? 1 : 0) });
    }
  }
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    if (hasPassword(text.slice(at, at + MAX_URL))) found.push({ rule: 'password in a URL', index: at });
  }
  return found;
}

const MAX_URL = 300;
const WITH_PASSWORD = /^:\/\/[^\s/:@"'`<>{}$]*:([^\s/@"'`<>]{3,200})@([\w[{$][\w.-]*)/;
/** Hosts that are in manuals (RFC 2606). */
const NO_HOST = /(?:^|\.)example(?:\.\w+)?$/i;

/** @param url from `://` on */
function hasPassword(url: string): boolean {
  const [, password, host] = WITH_PASSWORD.exec(url) ?? [];
  return password !== undefined && !NO_PASSWORD.test(password) && !NO_HOST.test(host!);
}

function tokenRule(word: string): string | undefined {
  const known = BY_START.get(word.slice(0, 2));
  const rule = known?.find(
    ({ prefix, rest }) => word.startsWith(prefix) && rest.test(word.slice(prefix.length)),
  );
  if (rule) return rule.rule;
  return word[14] === '.' ? BY_START.get('')?.find(({ rest }) => rest.test(word))?.rule : undefined;
}
