import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StrongroomError } from '../../../src/errors.ts';
import { fingerprint, generateSigningKey } from '../../../src/sign/key.ts';
import { type Applicant, approveCommand, lineOf, parseLine } from '../../../src/vault/hosts/line.ts';

const key = generateSigningKey().publicKey;
const web: Applicant = { name: 'web-2', key, sets: ['app', 'web-*'], may: ['write'] };
const line = lineOf(web);

describe('the line of a host', () => {
  it('says who asks for what, in words that people can read', () => {
    expect(line).toMatch(
      /^web-2 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\S+ sets=app,web-\* may=write check=[0-9a-f]{8}$/,
    );
    expect(approveCommand(web)).toBe(`strongroom hosts enroll --approve '${line}'`);
  });

  it('is read as it was written, whatever is asked for', () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/).filter((n) => n !== 'authority');
    const glob = fc.stringMatching(/^[a-z0-9*][a-z0-9._*-]{0,62}$/);
    const may = fc.constantFrom<Applicant['may']>(['write'], ['maintain'], ['write', 'maintain']);
    const sets = fc.uniqueArray(glob, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(name, sets, may, (n, s, m) => {
        const asked = { name: n, key, sets: s, may: m };
        expect(parseLine(lineOf(asked))).toEqual(asked);
      }),
    );
  });

  it.each<[string, string]>([
    ['with the command around it', approveCommand(web)],
    ['with the prompt before that', `$ ${approveCommand(web)}`],
    ['with a dash that a chat made of two', approveCommand(web).replace('--', '—')],
    ['in quotes', `'${line}'`],
    ['in curly quotes', `“${line}”`],
    ['as code', `\`${line}\``],
    ['with white space around it', `\n\t ${line} \r\n`],
    ['broken between words', line.replaceAll(' ', '\n')],
    ['broken inside the key', line.replace(/(AAAA.{20})(.{20})/, '$1\n  $2\r\n')],
    ['broken between sets', line.replace('app,', 'app,\n')],
    ['with spaces that do not break', line.replaceAll(' ', '\u00a0')],
    ['with marks that nobody sees', `\ufeff${line.replace('web', 'web\u200b')}`],
    ['without its last word', line.replace(/ check=.*/, '')],
  ])('survives %s', (_, text) => {
    expect(parseLine(text)).toEqual(web);
  });

  it('of which any letter was changed is refused', () => {
    const change = fc.tuple(
      fc.nat(line.length - 1),
      fc.constantFrom(...'abzAZ059,.=*-+/ é\n'),
      fc.constantFrom('replace', 'insert', 'remove'),
    );
    fc.assert(
      fc.property(change, ([at, letter, how]) => {
        const rest = line.slice(how === 'insert' ? at : at + 1);
        const changed = line.slice(0, at) + (how === 'remove' ? '' : letter) + rest;
        let read: Applicant | undefined;
        try {
          read = parseLine(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(StrongroomError);
        }
        // White space may come and go.
        if (read) expect(read).toEqual(web);
      }),
      { numRuns: 3000 },
    );
  });

  it('by somebody who can compute its last word shows who it is about', () => {
    const thief = generateSigningKey().publicKey;
    expect(fingerprint(parseLine(lineOf({ ...web, key: thief })).key)).not.toBe(fingerprint(key));
    expect(parseLine(lineOf({ ...web, sets: ['*'], may: ['write', 'maintain'] }))).toMatchObject({
      sets: ['*'],
      may: ['write', 'maintain'],
    });
  });

  const bare = `web-2 ${key}`;
  it.each<[string, string, string]>([
    ['that is empty', '', 'bad-line'],
    ['without a scope', bare, 'bad-line'],
    ['without what it may do', `${bare} sets=app`, 'bad-line'],
    ['with something more', `${bare} sets=app may=write role=admin`, 'bad-line'],
    ['with a set twice as a word', `${bare} sets=app sets=db may=write`, 'bad-line'],
    ['that may do something else', `${bare} sets=app may=read`, 'bad-scope'],
    ['that may do nothing', `${bare} sets=app may=,`, 'bad-scope'],
    ['with a set that is a path', `${bare} sets=../x may=write`, 'bad-scope'],
    ['with an empty set', `${bare} sets=app,,db may=write`, 'bad-scope'],
    ['with a name that is none', `Web ${key} sets=app may=write`, 'bad-name'],
    ['in the name of the authority', `authority ${key} sets=app may=write`, 'bad-scope'],
    [
      'with an RSA key',
      'web-2 ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ== sets=app may=write',
      'bad-public-key',
    ],
    ['with half a key', `web-2 ${key.slice(0, 60)} sets=app may=write`, 'bad-public-key'],
    [
      'with a key that anybody can sign for',
      `web-2 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA sets=app may=write`,
      'bad-public-key',
    ],
  ])('%s is refused', (_, text, code) => {
    expect(() => parseLine(text)).toThrow(
      expect.objectContaining({ code, exitCode: 2, hint: expect.any(String) }),
    );
  });
});
