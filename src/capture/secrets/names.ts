// What the path of a file says: that it is a secret, that it cannot be told from one, or how its text is to be read.
// Kept apart from compare/named-values.ts, whose table errs towards yes.
import { posix } from 'node:path';
import type { Kind } from './assignments.ts';

const KEY_STORE = /\.(?:p12|pfx|jks|keystore|kdbx|ppk|agekey|keytab|ovpn)$/i;
const SECRET_FILE =
  /^(?:id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|\.pgpass|pgpass\.conf|[._]netrc|\.git-credentials|\.htpasswd|\.my\.cnf|\.vault-token|\.s3cfg|master\.key|\.dockercfg)$/;
const ENVIRONMENT = /^(?:\.env(?:[.-].+)?|.+\.env)$/i;
/** What is copied and filled in. */
const BLANK = /(?:^|[._-])(?:examples?|samples?|templates?|tpl|dist|defaults?)(?:[._-]|$)/i;

/** Random by nature, and public: lock files, checksums, signatures, public keys, what a build made. */
const PUBLIC =
  /\.(?:lock|sum|sum\.txt|sha\d{1,3}(?:sums?)?|md5(?:sums?)?|sig|asc|minisig|pub|crt|cer|csr|crl|map|svg|snap|min\.\w+|bundle\.js|patch|diff|ipynb|po|mo|pot|log|lcov|tsbuildinfo)$|(?:^|[.-])lock\.(?:json|ya?ml|hcl)$|(?:^|\/)(?:package-lock|npm-shrinkwrap|\.terraform\.lock)\.\w+$|(?:^|\/)(?:sha\d{1,3}sums?|md5sums?|checksums?)(?:\.\w+)?$|(?:^|\/)(?:known_hosts|authorized_keys|allowed_signers|verification-metadata\.xml|go\.mod)$/i;
const PRETTY =
  /\.(?:png|jpe?g|gif|webp|avif|ico|bmp|tiff?|woff2?|[ot]tf|eot|pdf|docx?|xlsx?|zip|gz|tgz|bz2|xz|zst|tar|jar|war|whl|so|a|o|dll|exe|wasm|class|pyc|mp[34]|webm|mov|css|scss|less)$/i;
/** Code of others, and what was made of it. */
const FOREIGN =
  /(?:^|\/)(?:vendor|\.?venv|virtualenv|site-packages|bower_components|\.terraform|__pycache__|\.yarn|\.pnpm-store|\.tox|\.gradle|\.cache|\.next|\.nuxt|\.svn|\.hg|[^/]+\.dist-info)\//;
const PROSE = /\.(?:md|mdx|markdown|rst|adoc|html?|tex|csv|tsv|j2|tmpl|gotmpl|erb)$/i;
export const TRANSLATION = /(?:^|\/)(?:locales?|lang|langs|languages|i18n|l10n|translations?)\//i;
const PROGRAM =
  /\.(?:[cm]?[jt]sx?|vue|svelte|py|pyi|rb|go|rs|java|kt|kts|scala|groovy|cs|fs|c|h|cc|cpp|hpp|m|mm|swift|php|pl|pm|lua|r|jl|ex|exs|erl|hs|clj|dart|sol|proto|graphql|gql|sql|gradle|xsd|wsdl|rules|feature|tftpl)$/i;

/** @returns the rule by which a file is secret whatever it holds */
export function secretByName(path: string): string | undefined {
  const name = posix.basename(path);
  if (BLANK.test(name)) return undefined;
  if (SECRET_FILE.test(name)) return 'file that holds a credential';
  if (KEY_STORE.test(name)) return 'key store';
  return ENVIRONMENT.test(name) ? ENVIRONMENT_FILE : undefined;
}

/** What {@link secretByName} says of one: a name that need not mean a secret. */
export const ENVIRONMENT_FILE = 'environment file';

/** @param name of the file alone */
export function isEnvironmentFile(name: string): boolean {
  return ENVIRONMENT.test(name);
}

/** Whether nothing in it is a secret, or nobody could tell it from one. */
export function isPassedOver(path: string): boolean {
  return PUBLIC.test(path) || PRETTY.test(path) || FOREIGN.test(path);
}

/** How a text is read: undefined for prose, in which only tokens of a known form are looked for. */
export function kindOf(path: string): Kind | undefined {
  const name = posix.basename(path);
  if (PROSE.test(name) || TRANSLATION.test(path) || BLANK.test(name)) return undefined;
  return PROGRAM.test(name) ? 'program' : 'settings';
}

const SAYS_SECRET = /passw(?:or)?d|passphrase|secret|token|credential|api[_-]?key|private[_-]?key/i;

/** Whether a file of one word is a secret by where it lies, as files for `docker secret` do. */
export function isNamedAsSecret(path: string): boolean {
  const name = posix.basename(path);
  if (BLANK.test(name) || /public|\.(?:pub|md|example)$/i.test(name)) return false;
  return SAYS_SECRET.test(name) || /(?:^|\/)\.?secrets?\/[^/]+$/i.test(path);
}
