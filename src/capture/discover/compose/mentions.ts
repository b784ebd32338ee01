// Owns which fields of a Compose file name files of the host, by the Compose specification. Pure: variables are not
// filled in, and no path is resolved.
//
// Left out on purpose: build contexts and Dockerfiles (code, which is kept elsewhere), `develop.watch`, and `include`
// and `extends`, which name Compose files and are followed.
import { shownKey } from '../../../compare/shown.ts';
import type { Tree } from '../../../compare/tree.ts';
import { fieldsOf, isMap, isNo, isNothing, isYes, itemsOf } from './fields.ts';

/** A file that a Compose file names. */
export interface Mention {
  /** Such as `env_file of web`. */
  readonly as: string;
  /** As written; undefined where there should be a path, and is none. */
  readonly text: string | undefined;
  readonly required: boolean;
  /**
   * `mount`: `SOURCE:TARGET[:OPTIONS]`, of which the source may be a volume's name. `bind`: a path that is mounted.
   * `option`: only a file if it is there.
   */
  readonly form: 'path' | 'mount' | 'bind' | 'option';
}

/**
 * What a service names. Profiles are not asked for: what is off now may be what production runs.
 *
 * @see https://github.com/compose-spec/compose-spec/blob/main/05-services.md
 */
export function* serviceMentions(name: string, service: Tree): Generator<Mention> {
  const of = `of ${shownKey(name)}`;
  const fields = fieldsOf(service);
  for (const item of itemsOf(fields.get('env_file'))) {
    const long = fieldsOf(item);
    const path = isMap(item) ? long.get('path') : item;
    yield pathMention(`env_file ${of}`, path, !isNo(long.get('required')));
  }
  for (const item of itemsOf(fields.get('label_file'))) yield pathMention(`label_file ${of}`, item);
  for (const item of itemsOf(fields.get('volumes'))) yield* mountMention(`bind mount ${of}`, item);
  for (const item of itemsOf(fields.get('security_opt'))) {
    const profile = typeof item === 'string' ? /^seccomp[=:](.*)$/s.exec(item)?.[1] : undefined;
    if (profile && profile !== 'unconfined' && profile !== 'builtin')
      yield pathMention(`seccomp profile ${of}`, profile);
  }
  // Docker looks for it in a directory of its own; one that lies here is where it is copied from.
  const credentials = fieldsOf(fields.get('credential_spec')).get('file');
  if (typeof credentials === 'string') {
    const text = credentials.replace(/^file:\/\//, '');
    yield { as: `credential_spec ${of}`, text, required: false, form: 'option' };
  }
  for (const path of sshPaths(fieldsOf(fields.get('build')).get('ssh')))
    yield pathMention(`build ssh ${of}`, path);
}

/** A field that holds a path, and nothing but that. */
export function pathMention(as: string, path: Tree | undefined, required = true): Mention {
  return { as, text: typeof path === 'string' ? path : undefined, required, form: 'path' };
}

function* mountMention(as: string, item: Tree): Generator<Mention> {
  // Docker makes a directory where nothing is, unless the long form says no. Of what looks like a file, see `follow`.
  if (typeof item === 'string') yield { as, text: item, required: false, form: 'mount' };
  const long = fieldsOf(item);
  if (long.get('type') !== 'bind') return;
  const required = isNo(fieldsOf(long.get('bind')).get('create_host_path'));
  yield { ...pathMention(as, long.get('source'), required), form: 'bind' };
}

/** `default` alone is the agent; else `ID=PATH`, or a map of them. */
function* sshPaths(ssh: Tree | undefined): Generator<Tree> {
  for (const path of fieldsOf(ssh).values()) if (!isNothing(path)) yield path;
  if (isMap(ssh)) return;
  for (const item of itemsOf(ssh)) {
    if (typeof item === 'string' && item.includes('=')) yield item.slice(item.indexOf('=') + 1);
  }
}

/**
 * What a Compose file names beside its services: files of secrets and configs, build secrets among them, and volumes
 * that are bind mounts. What is external is not here.
 */
export function* documentMentions(document: Tree): Generator<Mention> {
  const fields = fieldsOf(document);
  for (const [section, word] of [
    ['secrets', 'secret'],
    ['configs', 'config'],
  ] as const) {
    for (const [name, item] of fieldsOf(fields.get(section))) {
      const file = fieldsOf(item).get('file');
      if (!isNothing(file) && !isExternal(item)) yield pathMention(`${word} ${shownKey(name)}`, file);
    }
  }
  for (const [name, volume] of fieldsOf(fields.get('volumes'))) {
    const options = fieldsOf(fieldsOf(volume).get('driver_opts'));
    const driver = fieldsOf(volume).get('driver');
    const how = options.get('o');
    const isBind = typeof how === 'string' && how.split(',').some((word) => /^r?bind$/.test(word.trim()));
    if (!isBind || isExternal(volume) || !(isNothing(driver) || driver === 'local')) continue;
    yield { ...pathMention(`volume ${shownKey(name)}`, options.get('device')), form: 'bind' };
  }
}

function isExternal(item: Tree): boolean {
  const external = fieldsOf(item).get('external');
  return isYes(external) || isMap(external);
}
