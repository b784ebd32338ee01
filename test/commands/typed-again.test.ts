import { describe, expect, it } from 'vitest';
import { makeSecrets, takeSecrets } from '../../src/cli/secrets.ts';
import type { Terminal } from '../../src/commands/context.ts';
import { typedAgain } from '../../src/commands/typed-again.ts';
import { UnlockError } from '../../src/errors.ts';
import { newPassphraseKey, passphraseCredential } from '../../src/keys/passphrase.ts';
import { changeKeys } from '../../src/vault/keys/change.ts';
import { makeVault, openUnlocked, PASSPHRASE } from '../support/vault.ts';

/** Somebody who types these answers at a vault, and what was asked and said. */
async function typing(answers: string[], env: Record<string, string> = {}) {
  const vault = await makeVault();
  // A second passphrase, so that what is wrong for one key may be right for the next.
  const second = newPassphraseKey('second', 'lantern gravel october piano willow seven', 10);
  await changeKeys(await openUnlocked(vault), { add: [{ key: second, proofs: [] }], by: 'web-1' });
  const said: string[] = [];
  const tries: boolean[] = [];
  const terminal: Terminal = {
    interactive: answers.length > 0,
    confirm: async () => false,
    confirmTyped: async () => false,
    async askHidden(prompt) {
      const answer = answers.shift();
      if (answer === undefined) throw new UnlockError('no-terminal', 'nobody is there');
      said.push(prompt);
      return answer;
    },
    askWiped: async () => '',
    tell: (lines) => void said.push(...lines.map(String)),
  };
  const { signal } = new AbortController();
  const secrets = makeSecrets({ words: takeSecrets(env), env, cwd: '/', terminal, signal });
  const opening = typedAgain({ secrets, terminal }, async ({ isAgain, ask }) => {
    tries.push(isAgain);
    return await openUnlocked(vault, { credential: passphraseCredential(() => ask('Passphrase')) });
  });
  const came = await opening.then(
    ({ openedBy }) => openedBy,
    ({ code }) => code,
  );
  return { came, said, tries, secrets };
}

const WRONG = 'That does not open it.';

describe('a passphrase that is typed', () => {
  it('is asked for again when it opens nothing, and what opened is what the rest of the run has', async () => {
    const { came, said, tries, secrets } = await typing(['slip', PASSPHRASE]);
    expect(came).toBe('passphrase');
    expect(said).toEqual(['Passphrase', WRONG, 'Passphrase']);
    expect(tries).toEqual([false, true]);
    expect(await secrets.passphrase('Passphrase')).toBe(PASSPHRASE);
  });

  it('may be that of any key, and is then asked for once', async () => {
    const { came, said } = await typing(['lantern gravel october piano willow seven']);
    expect([came, said]).toEqual(['second', ['Passphrase']]);
  });

  it('is given up on after three', async () => {
    const { came, said } = await typing(['a', 'b', 'c', PASSPHRASE]);
    expect(came).toBe('no-key-fits');
    expect(said).toEqual(['Passphrase', WRONG, 'Passphrase', WRONG, 'Passphrase']);
  });

  it('is not asked for again after an empty answer', async () => {
    const { said } = await typing(['', PASSPHRASE]);
    expect(said).toEqual(['Passphrase']);
  });
});

it('one from the environment is tried once, at a terminal too', async () => {
  const { came, said, tries } = await typing([PASSPHRASE], { STRONGROOM_PASSPHRASE: 'slip' });
  expect([came, said, tries]).toEqual(['no-key-fits', [], [false]]);
});

it('where nobody is, it is said at once', async () => {
  expect((await typing([])).tries).toEqual([false]);
});
