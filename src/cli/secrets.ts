// Where secrets come from: one source each, read when first asked for. Values leave the environment at the start, so
// that no child inherits them. Which secret opens what is not decided here.

import { resolve } from 'node:path';
import type { Environment, Secrets, SecretText, Terminal } from '../commands/context.ts';
import { UnlockError, UsageError } from '../errors.ts';
import { isTerminal } from './tty.ts';

const passphraseVariable = 'STRONGROOM_PASSPHRASE';
const newPassphraseVariable = 'STRONGROOM_NEW_PASSPHRASE';
const sshPassphraseVariable = 'STRONGROOM_SSH_PASSPHRASE';
const signingKeyVariable = 'STRONGROOM_SIGNING_KEY';
const identityVariable = 'STRONGROOM_IDENTITY_FILE';
const suffixes = ['_FILE', '_COMMAND', '_FD', ''] as const;

/** The environment's words about secrets, taken at the start. */
export type SecretWords = ReadonlyMap<string, string>;

/**
 * Takes the secrets out of an environment: values and descriptors are deleted, names of files and commands stay.
 * @param env `process.env` itself; it is changed
 */
export function takeSecrets(env: Record<string, string | undefined>): SecretWords {
  const words = new Map<string, string>();
  const take = (variable: string, remove: boolean): void => {
    const value = env[variable];
    // An empty variable is an unset one: that is how a unit file or a shell takes a setting back.
    if (value) words.set(variable, value);
    if (remove) delete env[variable];
  };
  const names = [passphraseVariable, newPassphraseVariable, sshPassphraseVariable, signingKeyVariable];
  for (const name of names) {
    for (const suffix of suffixes) take(name + suffix, suffix === '' || suffix === '_FD');
  }
  take(identityVariable, false);
  return words;
}

export interface SecretsOptions {
  readonly words: SecretWords;
  /** The environment after `takeSecrets`. */
  readonly env: Environment;
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** The secrets of this process. Nothing is read yet. */
export function makeSecrets({ words, env, cwd, terminal, signal }: SecretsOptions): Secrets {
  // Loaded when a secret is read: a backup reads none.
  const sources = () => import('./secret-sources.ts');
  const file = async (path: string, until?: AbortSignal): Promise<SecretText> => {
    const end = until ? AbortSignal.any([until, signal]) : signal;
    return (await sources()).readSecretFile(resolve(cwd, path), path, env, end);
  };
  const given = (name: string): boolean => suffixes.some((suffix) => words.has(name + suffix));
  const once = new Map<string, Promise<string>>();
  let typed: Promise<string> | undefined;
  /** The passphrase of a variable family; each source is read once, since a pipe gives its bytes only once. */
  const fromEnvironment = (name: string): Promise<string> => {
    const reading = once.get(name) ?? readPassphrase(name);
    once.set(name, reading);
    return reading;
  };
  const readPassphrase = async (name: string): Promise<string> => {
    const variable = oneOf(name, words);
    const { readDescriptor, runSecretCommand, textOf } = await sources();
    const word = words.get(variable) ?? '';
    switch (variable.slice(name.length)) {
      case '_FILE':
        return onlyLine((await file(word)).text, variable);
      case '_COMMAND':
        return onlyLine(await runSecretCommand(word, variable, withoutSecrets(env), signal), variable);
      case '_FD':
        return onlyLine(
          textOf(await readDescriptor(descriptor(word, variable), variable), variable),
          variable,
        );
      default:
        return onlyLine(word, variable);
    }
  };
  return {
    passphraseGiven: given(passphraseVariable),
    newPassphraseGiven: given(newPassphraseVariable),
    sshPassphraseGiven: given(sshPassphraseVariable),
    identitiesGiven: words.has(identityVariable),
    async passphrase(prompt, again = false) {
      if (given(passphraseVariable)) return fromEnvironment(passphraseVariable);
      // Once a run: the one that opened the vault may be needed again, for its new key.
      if (again) typed = undefined;
      typed ??= terminal.askHidden(prompt);
      const answer = await typed;
      if (answer === '') throw new UnlockError('secret-empty', 'the passphrase is empty');
      return answer;
    },
    async newPassphrase(prompt, first = false) {
      if (given(newPassphraseVariable)) return fromEnvironment(newPassphraseVariable);
      if (first && given(passphraseVariable)) return fromEnvironment(passphraseVariable);
      return askTwice(prompt, first ? passphraseVariable : newPassphraseVariable, terminal);
    },
    async sshPassphrase(prompt) {
      if (given(sshPassphraseVariable)) return fromEnvironment(sshPassphraseVariable);
      if (!terminal.interactive) {
        throw new UnlockError(
          'no-terminal',
          'the SSH key has a passphrase, and there is no terminal to ask for it',
          { hint: `set ${sshPassphraseVariable}_FILE, _COMMAND or _FD` },
        );
      }
      return terminal.askHidden(prompt);
    },
    async identities() {
      const paths = (words.get(identityVariable) ?? '').split(':').filter((path) => path !== '');
      const read: SecretText[] = [];
      for (const path of paths) {
        // Others may read it, but to say so would be beside the point.
        if (path.endsWith('.pub')) throw publicHalf(path);
        read.push(await file(path));
      }
      return read;
    },
    async signingKey() {
      if (words.has(`${signingKeyVariable}_FILE`) && words.has(signingKeyVariable)) {
        throw twice(signingKeyVariable, `${signingKeyVariable}_FILE`);
      }
      const path = words.get(`${signingKeyVariable}_FILE`);
      if (path !== undefined) return file(path);
      const text = words.get(signingKeyVariable);
      return text === undefined ? undefined : { source: signingKeyVariable, path: undefined, text };
    },
    file,
    async standardInput() {
      const { readDescriptor, textOf } = await sources();
      const source = 'standard input';
      return { source, path: undefined, text: textOf(await readDescriptor(0, source), source) };
    },
  };
}

/** The one variable of a family that is set. @throws UsageError secret-twice */
function oneOf(name: string, words: SecretWords): string {
  const [first, second] = suffixes.map((suffix) => name + suffix).filter((variable) => words.has(variable));
  if (second !== undefined) throw twice(first ?? name, second);
  return first ?? name;
}

function publicHalf(path: string): UsageError {
  return new UsageError('bad-ssh-key', `${path} is the public half of an SSH key`, {
    object: path,
    hint: `name the private key file, ${path.slice(0, -4)}; one that only ssh-agent or a token holds cannot decrypt`,
  });
}

function twice(first: string, second: string): UsageError {
  return new UsageError('secret-twice', `${first} and ${second} are both set`, {
    object: first,
    hint: 'unset one of them: which is meant must not be a guess',
  });
}

function descriptor(word: string, variable: string): number {
  const fd = /^[0-9]{1,4}$/.test(word) ? Number(word) : -1;
  if (fd === 0 ? isTerminal(0) : fd < 3) {
    throw new UsageError('bad-value', `${variable} must be the number of a descriptor opened for this`, {
      object: variable,
      hint: `such as ${variable}=3 and 3< in the shell`,
    });
  }
  return fd;
}

/**
 * A passphrase is one line; its line end is the file's, not part of it.
 * More lines mean that the wrong file was named, a key perhaps.
 */
function onlyLine(text: string, variable: string): string {
  const line = text.replace(/\r?\n$/, '');
  if (line === '')
    throw new UsageError('secret-empty', `${variable} gives an empty passphrase`, { object: variable });
  if (/[\r\n\0]/.test(line)) {
    throw new UsageError('secret-lines', `${variable} gives more than one line`, {
      object: variable,
      hint: 'a passphrase is one line; identities and SSH keys go in STRONGROOM_IDENTITY_FILE',
    });
  }
  return line;
}

async function askTwice(prompt: string, variable: string, terminal: Terminal): Promise<string> {
  if (!terminal.interactive) {
    throw new UsageError(
      'no-terminal',
      'a new passphrase is needed, and there is no terminal to ask for it',
      {
        hint: `set ${variable}_FILE, _COMMAND or _FD`,
      },
    );
  }
  for (let attempt = 1; attempt <= 3; attempt++) {
    const answer = await terminal.askHidden(prompt);
    if (answer === '' || answer === (await terminal.askHidden('Again'))) return answer;
    terminal.tell(['These were not the same.']);
  }
  throw new UsageError('passphrase-mismatch', 'the two passphrases were not the same');
}

/** The environment of a command that prints a secret: it gets no other way to one, and cannot call itself. */
function withoutSecrets(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^STRONGROOM_((NEW_|SSH_)?PASSPHRASE|SIGNING_KEY)/.test(name)),
  );
}
