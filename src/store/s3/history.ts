// Owns the versions that a bucket keeps of its objects.

import { checkPrefix, checkSignal, type History, isObjectName, type StoredVersion } from '../store.ts';
import type { Caller } from './caller.ts';
import { watchProgress } from './progress.ts';
import { ListObjectVersionsCommand, type ListObjectVersionsCommandOutput } from './sdk.ts';

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
