import { expect, it } from 'vitest';
import { shortRecipient } from '../../src/vault/short-recipient.ts';
import { makeKey, sshKeygen, workspace } from '../sign/ssh-keygen.ts';

const directory = workspace();

it('an age key is told apart by its beginning', () => {
  expect(shortRecipient(`age1${'q'.repeat(58)}`)).toBe('age1qqqqqqqq…');
  expect(shortRecipient('age1')).toBe('age1');
});

it.each([['ed25519'], ['rsa']])('an SSH key by what ssh-keygen -l prints of it: %s', (type) => {
  const { path, publicLine } = makeKey(directory, type, ['-t', type]);
  const line = publicLine.split(' ').slice(0, 2).join(' ');
  expect(sshKeygen(['-l', '-f', path])).toContain(` ${shortRecipient(line)} `);
});
