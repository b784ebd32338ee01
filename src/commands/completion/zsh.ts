// Completion for zsh, through _arguments and _describe.

import type { ArgWords, FlagWords, PlaceWords, Values } from './words.ts';

/** The script for zsh; it works from a file in fpath and when it is sourced. */
export function zshScript(places: readonly PlaceWords[]): string {
  return `#compdef strongroom
# zsh completion for strongroom; made by: strongroom completion zsh
${places.map(placeFunction).join('\n')}
if [ "$funcstack[1]" = "_strongroom" ]; then
  _strongroom "$@"
else
  compdef _strongroom strongroom
fi
`;
}

const functionName = (path: readonly string[]): string => ['_strongroom', ...path].join('_');

function placeFunction({ path, next, flags, args }: PlaceWords): string {
  const specs = [
    ...flags.flatMap(flagSpecs),
    ...(next.length > 0 ? ["'1: :->next'", "'*:: :->rest'"] : argSpecs(args)),
  ];
  const lines = specs.map((spec) => `    ${spec}`).join(' \\\n');
  if (next.length === 0) return `${functionName(path)}() {\n  _arguments -s \\\n${lines}\n}`;
  const described = next.map(([name, summary]) => `      ${quote(`${name}:${summary}`)}`).join('\n');
  const calls = next.map(([name]) => `      ${name}) ${functionName([...path, name])} ;;`).join('\n');
  return `${functionName(path)}() {
  local curcontext="$curcontext" state line
  local -a commands
  typeset -A opt_args
  _arguments -s -C \\
${lines}
  case $state in
    next)
      commands=(
${described}
      )
      _describe command commands
      ;;
    rest)
      case $line[1] in
${calls}
      esac
      ;;
  esac
}`;
}

function flagSpecs({ long, short, summary, value, values, repeat }: FlagWords): string[] {
  const names = short === undefined ? [long] : [long, short];
  const exclusive = repeat ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
  return names.map((name) => {
    // "=" takes both --flag=value and --flag value.
    const head = value !== undefined && name.startsWith('--') ? `${name}=` : name;
    const tail = value === undefined ? '' : `:${value}:${action(values)}`;
    return quote(`${exclusive}${head}[${brackets(summary)}]${tail}`);
  });
}

function argSpecs(args: readonly ArgWords[]): string[] {
  return args.map(({ name, values, optional, repeat }, i) => {
    const place = repeat ? '*' : String(i + 1);
    return quote(`${place}:${optional && !repeat ? ':' : ''}${name}:${action(values)}`);
  });
}

function action(values: Values): string {
  if (values.kind === 'files') return '_files';
  if (values.kind === 'directories') return '_files -/';
  // An empty list: anything may stand here and nothing is offered. (A space would keep a lone flag from being
  // filled in.)
  return `(${values.kind === 'words' ? values.words.join(' ') : ''})`;
}

const brackets = (text: string): string => text.replace(/[[\]\\]/g, '\\$&');
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
