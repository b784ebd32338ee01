// `strongroom hosts remove`: takes a host's right to write away, and settles what still counts of what it wrote.
import { StrongroomError } from '../../errors.ts';
import type { LedgerAction } from '../../vault/documents/ledger.ts';
import { type Belief, type HostRemoval, planHostRemoval, removeHost } from '../../vault/hosts/remove.ts';
import { documentTime } from '../../vault/names.ts';
import { parseAt } from '../../vault/select.ts';
import { keyFingerprint, requireProven } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { remindOfReplicas } from '../copy/replicas.ts';
import { openLocked, openUnlocked, warnFindings } from '../open.ts';

export const command = defineCommand({
  description: [
    'What the host wrote goes on counting, and nothing that it writes from now on does. When its key was stolen, say with --since or --last-good how far to believe it: the rest is shown before the question, and does not count any more, whatever date it bears.',
    'Times are those at which the store received something, which no writer can choose; a copy of a vault has other ones. What a snapshot that counts names as the one before it counts too.',
    'Take its access to the store away as well. A host that was removed already can be judged again, so that less of it counts.',
  ],
  needs: 'read, create and delete access, and one way to open the vault',
  args: { name: { value: 'NAME', summary: 'the host' } },
  flags: {
    lastGood: {
      value: 'ID',
      repeat: true,
      summary: 'its snapshots up to this one are good; SET/ID where two sets have one of that id',
    },
    since: {
      value: 'TIME',
      summary: 'what the store received from TIME on does not count (local time unless it names a zone)',
    },
    dryRun: { summary: 'say what would count no more, and change nothing' },
  },
  examples: [
    ['hosts remove web-1', 'a machine that is gone'],
    ["hosts remove web-1 --since '2026-11-20 06:00'", 'its key was stolen then, or later'],
  ],
  async run({ args, flags }, context) {
    const belief: Belief = {
      lastGood: flags.lastGood,
      ...(flags.since === undefined ? {} : { since: parseAt(flags.since, '00:00:00') }),
    };
    if (flags.dryRun) {
      const vault = await openLocked(context);
      const removal = await planHostRemoval(vault, args.name, belief);
      await say(context, removal);
      return { removal, done: false };
    }
    const vault = await openUnlocked(context);
    requireProven(vault);
    const planned = await planHostRemoval(vault, args.name, belief);
    await say(context, planned);
    const { host } = planned;
    const which = host.removed === undefined ? 'Remove' : 'Judge again';
    const question = `${which} ${host.name} (${keyFingerprint(host.key)}), a host of the vault ${vault.document.name}? ${countsOf(planned)}.`;
    if (!(await context.terminal.confirm(question))) {
      throw new StrongroomError('not-confirmed', `${host.name} was not removed`, {
        hint: 'answer yes, or add --yes',
      });
    }
    const { vault: revised, removal } = await removeHost(vault, args.name, belief);
    warnFindings(context, revised.findings);
    await remindOfReplicas(context);
    return { removal, done: true };
  },
  human({ removal, done }, out) {
    const { host, stops } = removal;
    if (!done) return out.line(`would remove ${host.name}: ${countsOf(removal)}`);
    out.note(out.styled('green', `${host.name} is no host of the vault any more`), `: ${countsOf(removal)}`);
    out.note('  now take its access to the store away too: its IAM user or role, its SSH key, its account');
    if (stops.length > 0) {
      const ids = stops.length > MOST_NAMED ? 'ID…' : stops.map((s) => s.id).join(' ');
      out.note(`  to remove what does not count, on a host that may maintain: strongroom delete ${ids}`);
    }
  },
  json({ removal, done }) {
    const { host, counts, stops, entries, undone } = removal;
    const ofAction = (...actions: LedgerAction[]) => entries.filter((e) => actions.includes(e.action)).length;
    return {
      host: host.name,
      fingerprint: keyFingerprint(host.key),
      counts: counts.length,
      stops: stops.length,
      deletions: ofAction('delete', 'prune'),
      keeps: ofAction('keep'),
      releases: ofAction('release'),
      undone: undone.length,
      dry_run: !done,
    };
  },
});

/** Ids on one line. */
const MOST_NAMED = 20;

function countsOf({ counts, stops }: HostRemoval): string {
  const goOn = `${counts.length} of its snapshots ${counts.length === 1 ? 'goes' : 'go'} on counting`;
  return stops.length === 0 ? goOn : `${goOn}, ${stops.length} no more`;
}

/** What an entry says of a snapshot. */
const WHAT: Partial<Record<LedgerAction, string>> = { keep: 'wish to keep', release: 'release of' };

/** What does not count any more, one by one, and what to think about first. */
async function say(context: Context, removal: HostRemoval): Promise<void> {
  const { host, counts, stops, receivedAt, undone, isLastMaintainer, isLastWriter } = removal;
  for (const stopped of stops) {
    const { id, set, time } = stopped;
    const received = documentTime(receivedAt(stopped));
    context.emit({
      type: 'stops',
      fields: { id, set, time, received },
      human: [`counts no more: ${id} of ${set}, which the store received at ${received}`],
    });
  }
  for (const { object, action, about } of undone) {
    const what = WHAT[action] ?? 'deletion of';
    for (const { set, id } of about) {
      context.emit({
        type: 'undone',
        fields: { id, set, action, entry: object },
        human: [`counts no more: its ${what} ${id} of ${set}`],
      });
    }
  }
  if (stops.length > 0 && counts.length === 0) {
    context.warn('nothing-counts', `nothing that ${host.name} backed up would count any more`, {
      object: host.name,
      hint: 'a vault that was copied, or whose files were given to somebody else, has later times: name the newest good snapshot of each set with --last-good',
    });
  }
  if (isLastMaintainer) {
    context.warn('last-maintainer', `without ${host.name} no host may remove snapshots`, {
      object: host.name,
      hint: 'enroll another one with --may write,maintain',
    });
  }
  if (isLastWriter) {
    context.warn('last-host', `without ${host.name} nothing can be backed up to this vault`, {
      object: host.name,
      hint: 'enroll another one with `strongroom hosts enroll`',
    });
  }
  // A key that cannot be read is not what this is about.
  const here = await (await context.world()).signingKey(false).catch(() => undefined);
  if (here?.publicKey === host.key) {
    context.warn('this-host', `${host.name} is this machine: it cannot back up to this vault any more`, {
      object: host.name,
      hint: 'to go on, enroll it again with `strongroom hosts enroll --new-key`',
    });
  }
}
