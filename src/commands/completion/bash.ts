// Completion for bash 3.2 and later, without the bash-completion package.

import { type PlaceWords, type Values, valueFlags } from './words.ts';

/** The script for bash. All words in it are our own: names, flags and choices, none of which needs quoting. */
export function bashScript(places: readonly PlaceWords[]): string {
  const families = places.filter(({ path, next }) => path.length === 1 && next.length > 0);
  return `# bash completion for strongroom; made by: strongroom completion bash
_strongroom() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} place= skip= word i
  # bash breaks --flag=value into three words
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then
      [[ $word == = ]] || skip=
      continue
    fi
    case $word in
      ${valueFlags(places).join('|')}) skip=1 ;;
      -*) ;;
      *)
        case $place in
          '') place=$word ;;
          ${families.map(({ path }) => path[0]).join('|')}) place="$place $word" ;;
        esac
        ;;
    esac
  done
  COMPREPLY=()
  local IFS=$'\\n'
  case "$place" in
${places.map(placeCase).join('\n')}
  esac
}
complete -F _strongroom strongroom
`;
}

function placeCase({ path, next, flags, args }: PlaceWords): string {
  const values = flags
    .filter(({ value }) => value !== undefined)
    .map(
      ({ long, short, values }) =>
        `        ${[long, ...(short ? [short] : [])].join('|')}) ${reply(values)} return ;;`,
    );
  const words = flags.flatMap(({ long, short }) => (short ? [long, short] : [long]));
  const plain: Values =
    next.length > 0 ? { kind: 'words', words: next.map(([name]) => name) } : argValues(args);
  return `    '${path.join(' ')}')
      case $prev in
${values.join('\n')}
      esac
      if [[ $cur == -* ]]; then
        ${reply({ kind: 'words', words })}
      else
        ${reply(plain)}
      fi
      ;;`;
}

/** Files where any argument is one; otherwise the words of the first that has some. */
function argValues(args: PlaceWords['args']): Values {
  const known = args.map(({ values }) => values).filter(({ kind }) => kind !== 'unknown');
  return known.find(({ kind }) => kind === 'files') ?? known[0] ?? { kind: 'unknown' };
}

function reply(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W $'${values.words.join('\\n')}' -- "$cur"));`;
    case 'files':
      return 'COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null;';
    case 'directories':
      return 'COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames 2>/dev/null;';
    case 'unknown':
      return ':;';
  }
}
