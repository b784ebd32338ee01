// The report of a drill, as files: Markdown to file away, and a page to look at and to print.
import type { DrillResult } from '../../vault/drill/result.ts';
import type { UnlockedVault } from '../../vault/vault.ts';
import type { Context } from '../context.ts';
import { pagePaths, refuseExisting, writeNewFile } from '../recovery/new-file.ts';

const TAKEN = 'name another place with --report, or remove that one';

/** @param prefix absolute @throws ConflictError `file-exists`; StrongroomError `file-not-written` */
export async function checkReport(prefix: string): Promise<void> {
  for (const path of Object.values(pagePaths(prefix))) await refuseExisting(path, 'file', TAKEN);
}

/** @returns what was written @throws ConflictError `file-exists`; StrongroomError `file-not-written` */
export async function writeReport(
  prefix: string,
  vault: UnlockedVault,
  result: DrillResult,
  context: Context,
): Promise<string[]> {
  const { drillMarkdown, drillPage } = await import('../../pages/drill-report.ts');
  const { TOOL } = await import('../../version.ts');
  const { document, store } = vault;
  const report = {
    vault: { name: document.name, id: document.vault, location: store.location },
    by: (await context.world()).hostName,
    tool: TOOL,
    result,
  };
  const { markdown, page } = pagePaths(prefix);
  await writeNewFile(markdown, drillMarkdown(report), TAKEN);
  await writeNewFile(page, drillPage(report), TAKEN);
  return [markdown, page];
}
