// Which of a deployment's environments a file belongs to, by its path alone.

/** Words for the same one. */
const ENVIRONMENTS: Readonly<Record<string, string>> = {
  prod: 'production',
  production: 'production',
  live: 'production',
  stage: 'staging',
  staging: 'staging',
  test: 'test',
  testing: 'test',
  qa: 'qa',
  uat: 'uat',
  dev: 'development',
  development: 'development',
  local: 'local',
  preview: 'preview',
  sandbox: 'sandbox',
  demo: 'demo',
  ci: 'ci',
};

const ANY = new RegExp(`(?:^|[/._-])(?:${Object.keys(ENVIRONMENTS).join('|')})(?:[/._-]|$)`, 'i');
/** Files to copy from, which have no environment. */
const SAMPLE = /^(?:examples?|samples?|templates?|tmpl|tpl|dist|defaults?)$/i;

/** Whether a file is one to copy from, by its name: `.env.example`. What it holds is nobody's. */
export function isSample(path: string): boolean {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .split(/[._-]+/)
    .some((word) => SAMPLE.test(word));
}

/**
 * @param path with `/` between directories
 * @returns `production` for `deploy/prod/.env` and `compose.prod.yaml`; undefined where nothing says so
 */
export function environmentOf(path: string): string | undefined {
  // Nearly every path ends here.
  if (!ANY.test(path)) return undefined;
  if (isSample(path)) return undefined;
  const directories = path.split('/');
  const words = (directories.pop() ?? '').split(/[._-]+/);
  // The nearest counts: `.env.production` below `dev/` is of production.
  const named = [...directories, ...words].flatMap((word) => {
    const key = word.toLowerCase();
    return Object.hasOwn(ENVIRONMENTS, key) ? [ENVIRONMENTS[key]!] : [];
  });
  // `.env.production.local` is what production is on this machine.
  return named.findLast((name) => name !== 'local') ?? named.at(-1);
}
