// `strongroom recovery runbook`: the disaster-recovery document of this very vault, to be printed and kept.
import { rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { StrongroomError } from '../../errors.ts';
import type { S3Options } from '../../store/s3/options.ts';
import { documentTime, randomName } from '../../vault/names.ts';
import { type LocalFacts, type Place, type Runbook, readRunbook } from '../../vault/recovery/runbook.ts';
import { authorityFingerprint } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import { type Context, locationOf, type SetConfig } from '../context.ts';
import { replicasOf } from '../copy/replicas.ts';
import { openLocked, trustNew, warnFindings } from '../open.ts';
import { pagePaths, refuseExisting, writeNewFile } from './new-file.ts';

const TAKEN = 'name another place with --output, or replace what is there with --replace';

export const command = defineCommand({
  description: [
    'Writes what whoever stands before a fresh machine needs: how to recognise the vault, where it is, who holds which key, what was promised and when it was last proven, and then the steps with the exact commands, for the sets in the order of strongroom.yaml; last how to do it with stock tools alone.',
    'It holds no secret, but it says where everything is. Print it, and write it anew after each change of keys, hosts, sets or places: it is of the day that it was written. Run it on the machine that backs up, whose configuration says where things belong.',
  ],
  needs: 'read access to the vault; no key',
  args: {},
  flags: {
    output: { value: 'PREFIX', summary: 'write it to PREFIX.md and PREFIX.html, else as Markdown to stdout' },
    replace: { summary: 'also over files of that name' },
    trustNew,
  },
  examples: [
    ['recovery runbook', 'as Markdown, to read'],
    ['recovery runbook --output /mnt/offsite/runbook --replace', 'two files, in place of the last ones'],
  ],
  async run({ flags }, context) {
    const { output, replace } = flags;
    const prefix = output === undefined ? undefined : resolve(context.cwd, output);
    const paths = prefix === undefined ? [] : Object.values(pagePaths(prefix));
    if (!replace) for (const path of paths) await refuseExisting(path, 'file', TAKEN);
    const vault = await openLocked(context, flags);
    const { runbook, findings } = await readRunbook(vault, await localFacts(context));
    warnFindings(context, findings);
    if (runbook.local.configFile === undefined) {
      context.warn('no-configuration', 'there is no strongroom.yaml here: where things belong is not told', {
        hint: 'run this where the configuration is, or name it with --config',
      });
    }
    const { runbookMarkdown, runbookPage } = await import('../../pages/runbook.ts');
    const { TOOL } = await import('../../version.ts');
    const { RECOVERY_TEXT } = await import('../../vault/recovery-text.ts');
    const page = { runbook, tool: TOOL, stockTools: RECOVERY_TEXT };
    const markdown = runbookMarkdown(page);
    const texts = [markdown, runbookPage(page)];
    for (const [i, path] of paths.entries()) {
      if (replace) await over(path, texts[i]!);
      else await writeNewFile(path, texts[i]!, TAKEN);
    }
    return { vault, runbook, paths, markdown: prefix === undefined ? markdown : undefined };
  },
  human({ runbook, paths, markdown }, out) {
    if (markdown !== undefined) return out.raw(markdown);
    out.note(
      out.styled('green', 'The runbook is in '),
      paths.join(' and '),
      `, of revision ${revisionOf(runbook)}.`,
    );
    out.note(
      'Print it, keep it beside a recovery kit, and write it anew after each change of keys, hosts or sets.',
    );
  },
  json: ({ vault, runbook, paths, markdown }) => ({
    vault: vault.document.vault,
    name: runbook.name,
    fingerprint: authorityFingerprint(vault.document),
    revision: revisionOf(runbook),
    time: documentTime(runbook.written),
    sets: runbook.sets.map(({ name }) => name),
    files: [...paths],
    markdown,
  }),
});

const revisionOf = ({ pin }: Runbook): number => pin.revision;

async function localFacts(context: Context): Promise<LocalFacts> {
  const settings = await context.settings();
  const { config, configFile } = settings;
  const location = locationOf(settings);
  const replicas = await replicasOf(context);
  return {
    host: (await context.world()).hostName,
    places: [
      placeOf(location, config?.s3),
      ...replicas.map((replica) => placeOf(replica.location, replica.s3 ?? config?.s3)),
    ],
    configFile,
    isLocated: config?.location !== undefined,
    sets: [...(config?.sets.values() ?? [])].map((set) => ({ ...set, isStreamsOnly: isStreamsOnly(set) })),
    objectives: config?.objectives ?? {},
    manual: config?.drill.manual ?? [],
  };
}

function isStreamsOnly({ include, discover, streams }: SetConfig): boolean {
  return include.length === 0 && discover === undefined && streams.length > 0;
}

function placeOf(location: string, s3: S3Options | undefined): Place {
  return location.startsWith('s3://')
    ? { location, region: s3?.region, endpoint: s3?.endpoint }
    : { location };
}

/** In place of what has that name, wholly or not at all. @throws StrongroomError `file-not-written` */
async function over(path: string, text: string): Promise<void> {
  const beside = join(resolve(path, '..'), `.${basename(path)}.${randomName(6)}`);
  await writeNewFile(beside, text);
  try {
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    throw new StrongroomError('file-not-written', `cannot write ${path} (${String(code)})`, {
      object: path,
      hint: 'remove what stands there, or choose another place',
      cause,
    });
  }
}
