// Completion for fish.

import { type FlagWords, type PlaceWords, type Values, valueFlags } from './words.ts';

/** The script for fish. */
export function fishScript(places: readonly PlaceWords[]): string {
  return `# fish completion for strongroom; made by: strongroom completion fish
function __strongroom_at
    # Whether the words so far, flags and their values aside, begin with these; after =, whether they are these.
    set -l words
    set -l skip 0
    for token in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $token
            case ${valueFlags(places).join(' ')}
                set skip 1
            case '-*'
            case '*'
                set -a words $token
        end
    end
    if test "$argv[1]" = =
        test "$words" = "$argv[2..-1]"
    else
        set -l n (count $argv)
        test "$words[1..$n]" = "$argv"
    end
end
complete -c strongroom -f
${places.flatMap(placeLines).join('\n')}
`;
}

function placeLines({ path, next, flags, args }: PlaceWords): string[] {
  // A place with commands below it ends where one of them begins.
  const at = next.length > 0 ? ['=', ...path] : path;
  const line = (rest: string): string =>
    `complete -c strongroom -n '__strongroom_at ${at.join(' ')}' ${rest}`;
  return [
    ...next.map(([name, summary]) => line(`-a ${name} -d ${quote(summary)}`)),
    ...flags.map((flag) => line(flagPart(flag))),
    ...args.flatMap(({ values }) => (values.kind === 'unknown' ? [] : [line(valuePart(values))])),
  ];
}

function flagPart({ long, short, summary, value, values }: FlagWords): string {
  const names = `-l ${long.slice(2)}${short === undefined ? '' : ` -s ${short.slice(1)}`}`;
  const taken =
    value === undefined ? '' : values.kind === 'files' ? ' -r -F' : ` -x ${valuePart(values)}`.trimEnd();
  return `${names}${taken} -d ${quote(summary)}`;
}

function valuePart(values: Values): string {
  if (values.kind === 'words') return `-a ${quote(values.words.join(' '))}`;
  if (values.kind === 'files') return '-F';
  return values.kind === 'directories' ? "-a '(__fish_complete_directories)'" : '';
}

const quote = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
