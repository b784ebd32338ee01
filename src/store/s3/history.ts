// Owns the versions that a bucket keeps of its objects.

import {
  checkObjectName,
  checkPrefix,
  checkSignal,
  type History,
  isObjectName,
  type StoredVersion,
} from '../store.ts';
import type { Caller } from './caller.ts';
import { facts } from './failure.ts';
import { watchProgress } from './progress.ts';
import { HeadObjectCommand, ListObjectVersionsCommand, type ListObjectVersionsCommandOutput } from './sdk.ts';

interface Marker {
  readonly KeyMarker?: string;
  readonly VersionIdMarker?: string;
}

/** A bucket without versions has one of each object. */
export function s3History(caller: Caller): History {
  return {
    async *list(prefix, { signal } = {}): AsyncGenerator<StoredVersion> {
      checkPrefix(prefix);
      const asked = {
        action: 'ListObjectVersions',
        name: prefix,
        permission: 's3:ListBucketVersions',
        signal,
      };
      const progress = watchProgress(caller, asked, { mayRepeat: true });
      let marker: Marker | undefined = {};
      while (marker) {
        const input = { ...caller.bucket, Prefix: caller.prefix + prefix, ...marker };
        const page: ListObjectVersionsCommandOutput = await caller.call(asked, (abortSignal) =>
          caller.client.send(new ListObjectVersionsCommand(input), { abortSignal }),
        );
        for (const version of versionsOf(page)) {
          checkSignal(signal);
          const name = version.name.slice(caller.prefix.length);
          if (!version.name.startsWith(caller.prefix + prefix) || !isObjectName(name)) continue;
          progress.name(name);
          yield { ...version, name };
        }
        marker = page.IsTruncated ? markerOf(page) : undefined;
        if (marker) progress.page(marker.KeyMarker && JSON.stringify(marker));
      }
    },
    async get(name, version, options = {}) {
      return (await caller.read(name, { ...options, version }))?.bytes ?? null;
    },
    async keptUntil(name, version, { signal } = {}) {
      checkObjectName(name);
      const asked = { action: 'HeadObject', name, permission: 's3:GetObjectVersion', signal };
      const input = { ...caller.bucket, Key: caller.prefix + name, VersionId: version };
      return await caller.call(asked, async (abortSignal) => {
        try {
          const command = new HeadObjectCommand(input);
          const reply = await caller.client.send(command, { abortSignal });
          const { ObjectLockRetainUntilDate: until, ObjectLockLegalHoldStatus: hold } = reply;
          return { ...(until ? { until } : {}), hold: hold === 'ON' };
        } catch (error) {
          // 405 for a version that only says that the name was gone.
          if (facts(error).status === 404 || facts(error).status === 405) return null;
          throw error;
        }
      });
    },
  };
}

function markerOf({ NextKeyMarker, NextVersionIdMarker }: ListObjectVersionsCommandOutput): Marker {
  return {
    ...(NextKeyMarker === undefined ? {} : { KeyMarker: NextKeyMarker }),
    ...(NextVersionIdMarker === undefined ? {} : { VersionIdMarker: NextVersionIdMarker }),
  };
}

// Versions and delete markers come in two lists, each in the order of names.
function versionsOf({ Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput): StoredVersion[] {
  const stored = Versions.map(
    ({ Key = '', VersionId = '', Size = 0, LastModified, IsLatest = false, ETag }) => ({
      name: Key,
      version: VersionId,
      size: Size,
      modified: LastModified ?? new Date(0),
      isLatest: IsLatest,
      isRemoval: false,
      ...(ETag ? { etag: `${ETag.replaceAll('"', '')}-${Size}` } : {}),
    }),
  );
  const removals = DeleteMarkers.map(({ Key = '', VersionId = '', LastModified, IsLatest = false }) => ({
    name: Key,
    version: VersionId,
    size: 0,
    modified: LastModified ?? new Date(0),
    isLatest: IsLatest,
    isRemoval: true,
  }));
  return [...stored, ...removals].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
