// Which certificate and private key belong together by the names of their files, and whether they do by their public
// keys. Knows names and fingerprints; reads nothing.

/** A certificate or private key, by its public key's fingerprint. */
export interface KeyFact {
  /** Of the file, with `/` between directories. */
  readonly path: string;
  readonly name: string;
  readonly kind: 'certificate' | 'private-key';
  /** `SHA256:…` of the public key. */
  readonly publicKey: string;
}

/** A private key with the certificate that it is for. */
export interface KeyPair {
  readonly key: KeyFact;
  /** The one that matches; where none does, the first that should. */
  readonly certificate: KeyFact;
  readonly matches: boolean;
}

const PEM_NAME = /\.(?:pem|crt|cer|cert|key)$/i;
/** Words that say what a file holds, not whose it is. */
const ROLES = new Set(
  'cert certificate crt cer fullchain bundle private privatekey privkey priv key'.split(' '),
);

/** Whether a file may hold a certificate or key by its name. */
export function isPemName(path: string): boolean {
  return PEM_NAME.test(path);
}

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/**
 * What is the same for the two files of a pair: `certs/site` for `certs/site.crt` and `certs/site-key.pem`, `certs/` for
 * `certs/fullchain.pem` and `certs/privkey.pem`. A chain without its first certificate is of another name.
 */
export function pairName(path: string): string {
  const directory = directoryOf(path);
  const name = path.slice(directory.length).replace(PEM_NAME, '').toLowerCase();
  const words = name.split(/[-_.]+/).filter((word) => word !== '' && !ROLES.has(word));
  return `${directory}${words.join('-')}`;
}

/**
 * Every private key that has a certificate in its own file, or else in one beside it that is named like it.
 * @param facts those whose public key is known; a key that is encrypted is none of them
 */
export function keyPairs(facts: readonly KeyFact[]): KeyPair[] {
  const byPath = new Map<string, KeyFact[]>();
  const byName = new Map<string, KeyFact[]>();
  for (const fact of facts) {
    if (fact.kind !== 'certificate') continue;
    add(byPath, fact.path, fact);
    if (isPemName(fact.path)) add(byName, pairName(fact.path), fact);
  }
  return facts.flatMap((key): KeyPair[] => {
    if (key.kind !== 'private-key') return [];
    const beside = isPemName(key.path) ? (byName.get(pairName(key.path)) ?? []) : [];
    const certificates = byPath.get(key.path) ?? beside;
    const [first] = certificates;
    if (!first) return [];
    const match = certificates.find(({ publicKey }) => publicKey === key.publicKey);
    return [{ key, certificate: match ?? first, matches: match !== undefined }];
  });
}

function add(map: Map<string, KeyFact[]>, key: string, fact: KeyFact): void {
  const facts = map.get(key);
  if (facts) facts.push(fact);
  else map.set(key, [fact]);
}
