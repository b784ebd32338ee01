// How a drill's report and a runbook look: as the recovery kit does, black on white on paper; on a screen by day and by
// night, and on a phone, where the rows of a table become cards.

export const SHEET_STYLE = `
@page { margin: 14mm 15mm 16mm; }
:root {
  color-scheme: light dark;
  --page: #fff; --ink: #14171c; --soft: #525b68; --line: #d3d8df; --card: #f4f6f8;
  --good: #0a6636; --bad: #b01e17; --bar: #2f66ad;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14171c; --ink: #e8eaee; --soft: #a7b0bd; --line: #363d47; --card: #1e232a;
    --good: #6fd39b; --bad: #ff9a90; --bar: #6ea6ea;
  }
}
* { box-sizing: border-box; }
html { background: var(--page); color: var(--ink); -webkit-text-size-adjust: 100%; }
body { font: 16px/1.5 "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; margin: 0; overflow-wrap: anywhere; }
main { max-width: 50rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.15; margin: 0 0 .5rem; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 2.2rem 0 .75rem; padding-bottom: .25rem; border-bottom: 2px solid var(--ink); break-after: avoid; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; break-after: avoid; }
h4 { font-size: .95rem; margin: 1.1rem 0 .3rem; color: var(--soft); break-after: avoid; }
p { margin: 0 0 .75rem; orphans: 3; widows: 3; }
p:has(+ table), p:has(+ pre), p:has(+ ul) { break-after: avoid; }
.lead { color: var(--soft); margin-bottom: 1.25rem; }
ul { margin: 0 0 .75rem; padding-left: 1.25rem; }
li { margin-bottom: .3rem; break-inside: avoid; }
code, pre { font-family: "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace; }
code { font-size: .86em; }
.box { border: 1px solid var(--line); border-left: 5px solid var(--soft); background: var(--card); padding: .7rem 1rem; margin: 0 0 1.25rem; border-radius: 3px; break-inside: avoid; }
.box.good { border-left-color: var(--good); }
.box.bad { border-left-color: var(--bad); }
.good, .bad { font-weight: bold; }
.box.good, .box.bad { font-weight: normal; }
span.good, .box.good strong { color: var(--good); }
span.bad, .box.bad strong { color: var(--bad); }
.dim { color: var(--soft); }
table { border-collapse: collapse; width: 100%; margin: 0 0 1.25rem; font-size: .92rem; line-height: 1.4; }
th, td { text-align: left; vertical-align: top; padding: .38rem .9rem .38rem 0; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
thead { display: table-header-group; }
thead th { color: var(--soft); font-size: .85rem; overflow-wrap: normal; border-bottom-color: var(--soft); }
.facts th { width: 11rem; }
tr { break-inside: avoid; }
td.blank { min-width: 7rem; }
td.short { white-space: nowrap; }
.rows td:first-child { min-width: 6rem; }
pre { margin: 0 0 .9rem; white-space: normal; }
pre.code { font-size: .84rem; line-height: 1.5; background: var(--card); border-left: 3px solid var(--soft); padding: .55rem .8rem; border-radius: 3px; }
pre.code span { display: block; white-space: pre-wrap; padding-left: 4ch; text-indent: -4ch; break-inside: avoid; }
.ticks { list-style: none; padding: 0; }
.ticks li { display: flex; gap: .7rem; align-items: flex-start; margin-bottom: .5rem; }
.ticks li > span { min-width: 0; }
.tick { flex: none; width: 1.1em; height: 1.1em; margin-top: .2em; fill: none; stroke: currentColor; stroke-width: 1.4; }
.time td { border-bottom: 0; padding-top: .15rem; padding-bottom: .15rem; vertical-align: middle; }
.time .group th { border-bottom: 0; padding: .7rem 0 .15rem; }
.time td:first-child { width: 11rem; }
.time .took { width: 5.5rem; text-align: right; white-space: nowrap; }
.bar svg { display: block; width: 100%; height: .6rem; }
.bar .all { fill: var(--card); }
.bar .span { fill: var(--bar); }
.stock { font-size: .92rem; }
@media screen and (max-width: 36rem) {
  main { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.45rem; }
  .rows thead { display: none; }
  .rows, .rows tbody, .rows tr, .rows td, .facts, .facts tbody, .facts tr, .facts th, .facts td { display: block; width: auto; }
  .rows tr { border: 1px solid var(--line); border-radius: 3px; padding: .45rem .7rem; margin-bottom: .5rem; }
  .facts tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
  .rows td, .facts th, .facts td { border: 0; padding: .1rem 0; }
  .rows td[data-head]:not([data-head=""])::before { content: attr(data-head) ": "; color: var(--soft); }
  .rows td.blank, .rows td:first-child { min-width: 0; }
  td.short { white-space: normal; }
  .time, .time tbody { display: block; }
  .time tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; column-gap: .8rem; }
  .time td, .time td:first-child, .time .took { width: auto; padding: .05rem 0; }
  .time .bar { grid-column: 1 / -1; order: 3; padding-bottom: .35rem; }
}
@media print {
  :root { --page: #fff; --ink: #000; --soft: #000; --line: #000; --card: #fff; --good: #000; --bad: #000; --bar: #000; }
  body { font-size: 10.5pt; line-height: 1.4; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 21pt; }
  h2 { font-size: 15pt; margin: 6mm 0 2.5mm; }
  h3 { font-size: 12pt; margin: 4.5mm 0 1mm; }
  h4 { font-size: 10.5pt; margin: 3mm 0 1mm; }
  .box { border: .6mm solid #000; }
  th, td { border-bottom-width: .2mm; }
  td.blank { height: 8mm; }
  pre.code { font-size: 9pt; padding: .5mm 0 .5mm 3mm; border-left-width: .8mm; border-radius: 0; }
  .sheet { break-before: page; }
  .sheet + h2 { margin-top: 0; }
  .stock { font-size: 9.5pt; }
  .bar .all { fill: none; stroke: #000; stroke-width: .5; vector-effect: non-scaling-stroke; }
  .bar .span { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
