// How a recovery kit looks: black on white, for A4 and Letter, readable by tired eyes under a bad lamp. No grey that
// a fax would lose, nothing said by colour.

export const KIT_STYLE = `
@page { margin: 14mm 15mm 16mm; }
* { box-sizing: border-box; }
html { background: #fff; color: #000; }
body { font: 11.5pt/1.45 "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; max-width: 180mm; margin: 8mm auto; padding: 0 4mm; }
h1 { font-size: 21pt; line-height: 1.15; margin: 0 0 2mm; }
h2 { font-size: 15pt; margin: 5mm 0 2mm; border-bottom: .6mm solid #000; padding-bottom: 1mm; break-after: avoid; }
h3, h4 { font-size: 12pt; margin: 4mm 0 1mm; break-after: avoid; }
p { margin: 0 0 2.5mm; orphans: 3; widows: 3; }
ul, ol { margin: 0 0 2.5mm; padding-left: 6mm; }
li { margin-bottom: 1mm; }
code, pre, .mono { font-family: "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace; }
code { font-size: 10pt; overflow-wrap: anywhere; }
.warning { border: 1mm solid #000; padding: 2.5mm 3.5mm; font-weight: bold; margin: 3mm 0 4mm; }
.key { display: flex; gap: 5mm; align-items: flex-start; break-inside: avoid; }
.key > div { flex: 1 1 auto; min-width: 0; }
.qr { flex: none; width: 54mm; height: 54mm; }
pre { margin: 0 0 2.5mm; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.lines { font-size: 12.5pt; line-height: 1.8; font-weight: bold; white-space: pre; margin-top: 1mm; }
.identity { font-size: 13pt; line-height: 1.7; font-weight: bold; }
.identity span { display: inline-block; margin-right: .55em; }
pre.code { font-size: 9.5pt; line-height: 1.4; border-left: .8mm solid #000; padding: .5mm 0 .5mm 3mm; white-space: normal; }
pre.code span { display: block; white-space: pre-wrap; padding-left: 4ch; text-indent: -4ch; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 1.2mm 3mm 1.2mm 0; border-bottom: .2mm solid #000; font-weight: normal; }
th { width: 34mm; font-weight: bold; }
td { overflow-wrap: anywhere; }
tr { break-inside: avoid; }
td.blank { height: 9mm; }
pre.pin { font-size: 8.5pt; line-height: 1.3; }
.stock { font-size: 10.5pt; }
@media print {
  body { margin: 0; padding: 0; max-width: none; }
  section.sheet { break-before: page; }
  a { color: inherit; text-decoration: none; }
}
`;
