// Private keys that do not belong to the certificate beside them. Judges by fingerprints and names only, and only where
// there is one certificate that must be meant: a key that nothing is known of is no finding.
import type { FileFinding } from '../../vault/documents/findings.ts';
import { isPemName, type KeyFact, keyPairs } from '../key-pairs.ts';
import type { FoundCertificate, PemFile } from './pem-blocks.ts';

/** Keys that have no certificate wherever they are. */
const OTHER_USE = /(?:^|[-_.])(?:jwt|jwk|dkim|ssh|deploy|sign|signing|oauth|oidc|webhook)(?:[-_.]|$)/i;

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/** @param files each once @returns in the order of the files */
export function mismatches(files: readonly PemFile[]): FileFinding[] {
  const pairs = keyPairs(files.flatMap(factsOf));
  const paired = new Set(pairs.map(({ key }) => key.path));
  const found = [
    ...pairs.flatMap(({ key, certificate, matches }) =>
      matches ? [] : [findingOf(key.path, certificate.path, certificate.name)],
    ),
    ...onlyOnes(files).filter(({ path }) => !paired.has(path)),
  ];
  const place = new Map(files.map(({ path }, i) => [path, i]));
  return found.sort((a, b) => place.get(a.path)! - place.get(b.path)!);
}

const findingOf = (path: string, otherPath: string, subject: string): FileFinding => ({
  kind: 'key-mismatch',
  path,
  otherPath,
  otherName: subject,
});

/** The one that a file is about comes first, and is mostly no authority. */
function leavesOf({ certificates }: PemFile): readonly FoundCertificate[] {
  const leaves = certificates.filter(({ isAuthority }) => !isAuthority);
  return leaves.length > 0 ? leaves : certificates.slice(0, 1);
}

/** What may be compared: certificates, and the keys that one of them must be meant for. */
function factsOf(file: PemFile): KeyFact[] {
  const { path, keys } = file;
  const certificates = file.certificates.flatMap(({ subject, publicKey }): KeyFact[] =>
    publicKey === undefined ? [] : [{ path, name: subject, kind: 'certificate', publicKey }],
  );
  const known = keys.filter((key) => key !== undefined);
  const keyFacts = (of: readonly string[]) =>
    of.map((publicKey): KeyFact => ({ path, name: '', kind: 'private-key', publicKey }));
  if (file.certificates.length === 0) {
    const isAlone = keys.length === 1 && isPemName(path);
    return isAlone ? keyFacts(known) : [];
  }
  if (certificates.length < file.certificates.length) return [];
  // With a key that signs tokens beside a certificate and its key, nothing is wrong.
  const without = leavesOf(file).filter(({ publicKey }) => !known.includes(publicKey!));
  const lonely = known.filter((key) => !certificates.some(({ publicKey }) => publicKey === key));
  const isMeant = lonely.length > 0 && lonely.length <= without.length && known.length === keys.length;
  return [...(isMeant ? keyFacts(lonely) : []), ...certificates];
}

/** The only key of a directory, which is not for its only certificate, whatever they are called. */
function onlyOnes(files: readonly PemFile[]): FileFinding[] {
  const directories = new Map<string, PemFile[]>();
  for (const file of files) {
    const directory = directoryOf(file.path);
    const there = directories.get(directory);
    if (there) there.push(file);
    else directories.set(directory, [file]);
  }
  return [...directories.values()].flatMap((there): FileFinding[] => {
    const withKey = there.filter(({ keys }) => keys.length > 0);
    const [keyFile] = withKey;
    if (withKey.length !== 1 || keyFile!.keys.length !== 1 || !isPemName(keyFile!.path)) return [];
    const [key] = keyFile!.keys;
    const name = keyFile!.path.slice(keyFile!.path.lastIndexOf('/') + 1);
    if (key === undefined || keyFile!.certificates.length > 0 || OTHER_USE.test(name)) return [];
    const all = there.flatMap(({ certificates }) => certificates);
    const publicKeys = [...all.map(({ publicKey }) => publicKey), ...there.flatMap((f) => f.publicKeys)];
    if (publicKeys.includes(key)) return [];
    const leafFiles = there.filter((f) => isPemName(f.path) && f.certificates.some((c) => !c.isAuthority));
    const leaves = all.filter(({ isAuthority }) => !isAuthority);
    // One and the same, in cert.pem and in fullchain.pem.
    const isOne = new Set(leaves.map(({ publicKey }) => publicKey)).size === 1;
    if (!isOne || leafFiles.length === 0 || leaves[0]!.publicKey === undefined) return [];
    return [findingOf(keyFile!.path, leafFiles[0]!.path, leaves[0]!.subject)];
  });
}
