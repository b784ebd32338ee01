// Checks of this role: what it can do beyond its work. The bucket is asked by calls that change nothing.
import type { Role } from '../policy/roles.ts';
import type { Allowed, BucketPort } from './bucket-port.ts';
import { type Check, given, type Outcome, ok, unknown, warning, wrong } from './check.ts';

export interface RoleFacts {
  readonly port: BucketPort;
  /** As the user says; undefined: nobody said. */
  readonly role: Role | undefined;
}

const READERS: readonly Role[] = ['verify', 'restore', 'drill', 'prune'];

function reading(what: 'list' | 'read', id: string, words: string): Check<RoleFacts> {
  return {
    id,
    title: 'this role',
    async run({ port, role }) {
      return given(await port.may(what), (said) => {
        if (role === 'backup' && said === 'allowed')
          return wrong(`it can ${words}: a machine that backs up need not`, fix(role));
        if (role && READERS.includes(role) && said === 'denied')
          return wrong(`it cannot ${words}, which is its work`, fix(role));
        return plainly(said, words);
      });
    },
  };
}

function changing(
  what: 'delete' | 'change-policy',
  id: string,
  words: string,
  roles: readonly Role[],
): Check<RoleFacts> {
  return {
    id,
    title: 'this role',
    async run({ port, role }) {
      return given(await port.may(what), (said) => {
        const isWork = role !== undefined && roles.includes(role);
        if (isWork && said === 'denied') return wrong(`it cannot ${words}, which is its work`, fix(role));
        if (said === 'denied' || isWork) return plainly(said, words);
        if (role) return wrong(`it can ${words}: more than \`policy ${role}\` grants`, fix(role));
        return warning(
          `it can ${words}`,
          'on a machine that backs up, give it what `strongroom policy backup` prints; whoever administers the vault may (--role says which this is)',
        );
      });
    },
  };
}

/** To create is the one thing that cannot be tried without doing it. */
const creating: Check<RoleFacts> = {
  id: 'role-create',
  title: 'this role',
  run({ role }) {
    const work = role && CREATES[role];
    if (role && !work) return ok('it need not create');
    return unknown(
      `whether it may create${work ? ` ${work}` : ''} cannot be told without writing`,
      role === undefined || role === 'backup'
        ? 'make a backup: `strongroom backup`'
        : `see that it has what \`strongroom policy ${role}\` prints`,
    );
  },
};

const CREATES: Partial<Record<Role, string>> = {
  backup: 'snapshots',
  drill: 'the evidence of drills',
  prune: 'its notes of what it removed',
};

const fix = (role: Role): string => `give it what \`strongroom policy ${role}\` prints, and nothing else`;

function plainly(said: Allowed, words: string): Outcome {
  return ok(said === 'allowed' ? `it can ${words}` : `it cannot ${words}`);
}

export const roleChecks: readonly Check<RoleFacts>[] = [
  reading('list', 'role-list', 'list the vault'),
  reading('read', 'role-read', 'read the vault'),
  changing('delete', 'role-delete', 'delete from the vault', ['prune']),
  creating,
  changing('change-policy', 'role-policy', 'change the policy of the bucket', []),
];
