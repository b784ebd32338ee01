// GitHub's own parser of workflows and actions. It imports JSON in a way that Node refuses, so it is bundled first.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const SOURCE = `
export { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
export { parseAction } from '@actions/workflow-parser/actions/action-parser';
`;

type Parser = typeof import('@actions/workflow-parser') &
  Pick<typeof import('@actions/workflow-parser/actions/action-parser'), 'parseAction'>;

/** What it has against a workflow or an action. */
export interface Complaints {
  ofWorkflow(text: string): Promise<string[]>;
  ofAction(text: string): string[];
}

export async function complaints(): Promise<Complaints> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-workflows-'));
  try {
    const outfile = join(directory, 'parser.mjs');
    await build({
      stdin: { contents: SOURCE, resolveDir: import.meta.dirname },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      banner: {
        js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);",
      },
    });
    const parser = (await import(outfile)) as Parser;
    const trace = new parser.NoOperationTraceWriter();
    return {
      async ofWorkflow(content) {
        const { context, value } = parser.parseWorkflow({ name: 'workflow.yml', content }, trace);
        if (value) await parser.convertWorkflowTemplate(context, value);
        return context.errors.getErrors().map(({ message }) => message);
      },
      ofAction(content) {
        const { context } = parser.parseAction({ name: 'action.yml', content }, trace);
        return context.errors.getErrors().map(({ message }) => message);
      },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
