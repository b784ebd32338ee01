// What a scheduled service may not do. Each line is only there when the command goes without what it takes away: a backup
// that the sandbox starves would fail at night.

import type { Plan } from './plan.ts';
import { word } from './systemd-words.ts';

/** Directories that systemd makes by itself, with the rights that they need. */
const OWN_STATE = '/var/lib/strongroom';
const OWN_CACHE = '/var/cache/strongroom';

/** The settings, a line each. @see systemd.exec(5) */
export function sandbox({ scope, needs }: Plan): string[] {
  const { others, network } = needs;
  const always = [
    'UMask=0077',
    // Commands of a set may be `sudo -u postgres …`.
    ...(others === 'any'
      ? []
      : ['NoNewPrivileges=yes', 'RestrictSUIDSGID=yes', 'RestrictRealtime=yes', 'LockPersonality=yes']),
  ];
  // The manager of a user cannot do more.
  if (scope === 'user') return always;
  const own = [
    ...(needs.state === OWN_STATE ? ['StateDirectory=strongroom', 'StateDirectoryMode=0700'] : []),
    ...(needs.cache === OWN_CACHE ? ['CacheDirectory=strongroom', 'CacheDirectoryMode=0700'] : []),
  ];
  if (others !== 'none') {
    return [
      ...always,
      ...own,
      // A database may want to write beside its files even to be read, and puts sockets into /tmp.
      ...(others === 'dumps'
        ? ['ProtectSystem=full', 'ProtectKernelTunables=yes', 'ProtectControlGroups=yes']
        : []),
    ];
  }
  const writes = [
    ...(needs.state === OWN_STATE ? [] : [needs.state]),
    ...(needs.cache === OWN_CACHE ? [] : [needs.cache]),
    ...needs.writes,
  ];
  const isInTmp = [...needs.reads, ...writes].some(
    (path) => /^(?:\/var)?\/tmp(?:\/|$)/.test(path) || path === '/',
  );
  return [
    ...always,
    ...own,
    // All that the sets name can be read, and nothing else than the vault and our own state be written.
    'ProtectSystem=strict',
    'ProtectHome=read-only',
    ...(writes.length > 0 ? [`ReadWritePaths=${writes.map((path) => word(`-${path}`)).join(' ')}`] : []),
    ...(isInTmp ? [] : ['PrivateTmp=yes']),
    'PrivateDevices=yes',
    // Root that reads every file, and can do little else. What belongs to others is written to where the vault does.
    `CapabilityBoundingSet=CAP_DAC_READ_SEARCH${writes.length > 0 ? ' CAP_DAC_OVERRIDE CAP_FOWNER' : ''}`,
    ...(network
      ? ['RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK']
      : ['PrivateNetwork=yes', 'RestrictAddressFamilies=AF_UNIX']),
    'ProtectKernelTunables=yes',
    'ProtectKernelLogs=yes',
    'ProtectControlGroups=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'RestrictNamespaces=yes',
    'SystemCallArchitectures=native',
  ];
}
