// Owns the versions that a bucket keeps of its objects.

import { checkPrefix, checkSignal, type History, isObjectName, type StoredVersion } from '../store.ts';
import type { Caller } from './caller.ts';
import { ListObjectVersionsCommand, type ListObjectVersionsCommandOutput } from './sdk.ts';

/** A bucket without versions has one of each object. */
export function s3History(caller: Caller): History {
  return {
    async *list(prefix, { signal } = {}): AsyncGenerator<StoredVersion> {
      checkPrefix(prefix);
      const permission = 's3:ListBucketVersions';
      let marker: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
      while (marker) {
        const input = { ...caller.bucket, Prefix: caller.prefix + prefix, ...marker };
        const page: ListObjectVersionsCommandOutput = await caller.call(
          { action: 'ListObjectVersions', name: prefix, permission, signal },
          (abortSignal) => caller.client.send(new ListObjectVersionsCommand(input), { abortSignal }),
        );
        for (const version of versionsOf(page)) {
          checkSignal(signal);
          const name = version.name.slice(caller.prefix.length);
          if (isObjectName(name)) yield { ...version, name };
        }
        const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
        marker =
          page.IsTruncated && KeyMarker
            ? { KeyMarker, ...(VersionIdMarker === undefined ? {} : { VersionIdMarker }) }
            : undefined;
      }
    },
    async get(name, version, options = {}) {
      return (await caller.read(name, { ...options, version }))?.bytes ?? null;
    },
  };
}

// Versions and delete markers come in two lists.
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
  return [...stored, ...removals];
}
