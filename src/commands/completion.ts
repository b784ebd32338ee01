// `strongroom completion`: a script that teaches a shell our commands. It is made from the registry and the tables,
// so that it cannot say what the parser does not take.

import { defineCommand } from './command.ts';
import { completionWords } from './completion/words.ts';
import { registry } from './index.ts';

export const command = defineCommand({
  description: [
    'The script is for this version: print it again after an update. It runs nothing and reads no vault.',
  ],
  args: {
    shell: { value: 'SHELL', summary: 'the shell', choices: ['bash', 'zsh', 'fish'] },
  },
  flags: {},
  examples: [
    ['completion bash > ~/.local/share/bash-completion/completions/strongroom', 'for bash'],
    ['completion zsh > ~/.zfunc/_strongroom', 'for zsh, where ~/.zfunc is in fpath'],
    ['completion fish > ~/.config/fish/completions/strongroom.fish', 'for fish'],
  ],
  async run({ args: { shell } }) {
    const words = await completionWords(registry);
    return { shell, script: await scriptOf(shell, words) };
  },
  human({ script }, out) {
    out.raw(script);
  },
  json: ({ shell, script }) => ({ shell, script }),
});

async function scriptOf(
  shell: 'bash' | 'zsh' | 'fish',
  words: Awaited<ReturnType<typeof completionWords>>,
): Promise<string> {
  switch (shell) {
    case 'bash':
      return (await import('./completion/bash.ts')).bashScript(words);
    case 'zsh':
      return (await import('./completion/zsh.ts')).zshScript(words);
    case 'fish':
      return (await import('./completion/fish.ts')).fishScript(words);
  }
}
