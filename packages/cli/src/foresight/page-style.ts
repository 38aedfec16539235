import { html } from './html.ts';

/** The look of the page: light, dark and on paper; nothing is loaded from anywhere. */
export const PAGE_STYLE = html`
:root {
  color-scheme: light dark;
  --ground: #ffffff; --card: #f6f8fa; --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0;
  --accent: #0969da; --good: #1a7f37; --warn: #9a6700; --bad: #cf222e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1117; --card: #161b22; --ink: #e6edf3; --quiet: #9198a1; --line: #3d444d;
    --accent: #4493f8; --good: #3fb950; --warn: #d29922; --bad: #f85149;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 68rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.1rem 0 .35rem; }
p { margin: .3rem 0; }
ul { list-style: none; margin: 0; padding: 0; }
code, .mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .88em; }
.quiet { color: var(--quiet); }
.small { font-size: .875rem; }
.good { color: var(--good); } .warning { color: var(--warn); } .error, .bad { color: var(--bad); } .note { color: var(--quiet); }
.outcome { font-size: 1.15rem; font-weight: 600; margin: .4rem 0; }
.figures { padding-top: .7rem; }
.figures { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .6rem; margin: 0; }
.figures > div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .75rem; }
.figures > .wide { grid-column: 1 / -1; }
.figures dt { font-size: .8rem; color: var(--quiet); }
.figures dd { margin: 0; font-size: 1.15rem; font-weight: 600; }
h3 .small { font-weight: 400; }
.figures .small { font-weight: 400; font-size: .875rem; color: var(--quiet); }
.list > li { padding: .55rem 0; border-bottom: 1px solid var(--line); }
.list > li:last-child { border-bottom: 0; }
.tag { font-weight: 600; }
.moment { white-space: nowrap; }
.text { white-space: pre-wrap; background: var(--card); border-radius: .4rem; padding: .35rem .6rem; margin-top: .25rem; }
.row { display: grid; grid-template-columns: 15rem minmax(0, 1fr) 5rem; gap: .1rem .75rem; align-items: center; padding: .12rem 0; }
.row .took { text-align: right; font-variant-numeric: tabular-nums; }
.row.step .name { padding-left: 1rem; }
.row.phase { margin-top: .5rem; font-weight: 600; }
svg { display: block; width: 100%; overflow: visible; }
svg.bar { height: .95rem; } svg.ramp { height: 3.5rem; }
.track { fill: var(--card); } .span { fill: var(--accent); } .span.phase { fill: var(--quiet); }
.span.rolled-back { fill: var(--bad); } .still { fill: var(--warn); }
.grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.area { fill: var(--accent); fill-opacity: .22; }
.edge { fill: none; stroke: var(--accent); stroke-width: 2; vector-effect: non-scaling-stroke; }
.axis { display: flex; justify-content: space-between; gap: .5rem; font-size: .75rem; color: var(--quiet); padding-top: .2rem; }
.row > .axis { grid-column: 2; }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; vertical-align: -.08rem; margin-right: .3rem; }
.keyed { display: inline-block; margin-right: .8rem; }
.key.accent { background: var(--accent); } .key.warn { background: var(--warn); } .key.bad { background: var(--bad); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-size: .8rem; color: var(--quiet); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
footer { margin-top: 2.5rem; font-size: .85rem; color: var(--quiet); }
@media (max-width: 44rem) {
  .row { grid-template-columns: minmax(0, 1fr) auto; }
  .row .name { grid-column: 1; } .row .took { grid-column: 2; grid-row: 1; }
  .row svg, .row > .axis { grid-column: 1 / -1; }
  .row svg { margin-bottom: .3rem; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .middle { display: none; }
  table, tbody, tr, td { display: block; } thead { display: none; }
  tr { display: flex; flex-wrap: wrap; gap: 0 1.25rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td.rule { flex-basis: 100%; }
  td, td.number { text-align: left; padding: 0; border: 0; white-space: normal; }
  td::before { content: attr(data-name) " "; color: var(--quiet); font-size: .8rem; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --card: #f3f3f3; --ink: #000; --quiet: #444; --line: #bbb; --accent: #0550ae; --good: #116329; --warn: #7d4e00; --bad: #a40e26; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  li, tr, .row, .figures > div, .flag { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
`;
