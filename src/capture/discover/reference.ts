// What discovery finds: which files a deployment refers to, and what could not be looked into. Plain data; no value of
// any file is in it.

/** Kinds of files that name further files, as `discover:` has them. */
export const DISCOVERERS = ['compose', 'kustomize', 'kubernetes', 'dotenv', 'pem'] as const;
export type Discoverer = (typeof DISCOVERERS)[number];

/** Something that a deployment needs: a file of its own, or what such a file names. */
export interface Reference {
  /**
   * Absolute, as it is written there: links are not followed. With `${NAME}` in place of a variable's value where
   * nothing is known to be there: then nobody knows whether the value is a path at all.
   */
  readonly path: string;
  /** What it is to that file, in words of the format: `env_file of web`, `compose file`, `secretGenerator shop`. */
  readonly as: string;
  /** The file that names it, absolute; undefined for what was found by itself. */
  readonly by: string | undefined;
  /** Whether the deployment cannot do without it: an `env_file` with `required: false` can. */
  readonly required: boolean;
  /** Not required, but by a file that this machine may not load, such as compose.prod.yaml. */
  readonly requiredIfLoaded?: boolean;
  /** `outside`: beyond the root, and the set does not allow it. It was not looked at. */
  readonly state: 'file' | 'directory' | 'missing' | 'outside' | 'too-large' | 'unreadable' | 'special';
}

/** Whether the path of a reference is no real one, as it holds a variable in place of its value. */
export function hasVariable(path: string): boolean {
  return path.includes('${');
}

/** A file that could not be understood, or not all of it: named, never quoted. */
export interface DiscoveryWarning {
  /** Absolute. */
  readonly path: string;
  /** `unread`: nothing is wrong as far as one looked, as it is remote, a template, or too much. */
  readonly kind: 'broken' | 'unread';
  /** A phrase such as `is no sound YAML`. */
  readonly reason: string;
}

export interface Discovery {
  /** By path; one path may be referred to more than once. */
  readonly references: readonly Reference[];
  readonly warnings: readonly DiscoveryWarning[];
}

export interface DiscoverOptions {
  /** Absolute directory. */
  readonly root: string;
  readonly kinds: readonly Discoverer[];
  /** Globs, relative to the root or absolute, of what may be taken and read beyond the root. */
  readonly outside?: readonly string[];
  /** Globs of what is left out of the set: not looked into. */
  readonly exclude?: readonly string[];
  /** Variables for paths, such as COMPOSE_FILE and COMPOSE_PROFILES. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}
