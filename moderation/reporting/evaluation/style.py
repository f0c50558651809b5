"""The report's style sheet: light and dark by the reader's setting, print in black and white, nothing from outside."""

STYLE = """
:root { color-scheme: light dark;
  --text: light-dark(#1b1d1c, #e9ecea); --muted: light-dark(#5a615e, #a3aca8);
  --ground: light-dark(#fafaf7, #131615); --card: light-dark(#ffffff, #1b1e1d);
  --grid: light-dark(#e7e8e3, #2f3533); --line: light-dark(#d5d8d2, #3c4441);
  --ink: light-dark(#1d6355, #6fd0b6); --second: light-dark(#a04d00, #f2b25c); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1500px; margin: 0 auto; padding: 28px 28px 64px; }
h1 { margin: 0; font-size: 26px; font-weight: 650; letter-spacing: -0.01em; }
h2 { margin: 0; font-size: 20px; font-weight: 650; }
h3 { margin: 28px 0 8px; font-size: 15px; font-weight: 650; }
p { margin: 4px 0; }
.muted { color: var(--muted); overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 14px 0 0; padding: 0; list-style: none; }
a { color: var(--ink); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--second); outline-offset: 2px; }
section { margin-top: 28px; padding: 22px 24px 26px; border: 1px solid var(--line); border-radius: 12px;
  background: var(--card); }
.tiles { display: flex; flex-wrap: wrap; gap: 10px 36px; margin: 14px 0 0; }
.tiles dt { color: var(--muted); font-size: 13px; }
.tiles dd { margin: 0; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles dd small { display: block; color: var(--muted); font-size: 12.5px; font-weight: 400; }
.scroll { overflow-x: auto; }
.scroll + .scroll { margin-top: 14px; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px 4px 0; border-bottom: 1px solid var(--grid); text-align: right; white-space: nowrap; }
th:first-child, .words { text-align: left; }
tbody + tbody::before { content: ""; display: table-row; height: 10px; }
tbody + tbody tr:first-child > * { border-top: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 500; vertical-align: bottom; }
tbody th { font-weight: 500; }
td small { display: inline-block; min-width: 6.7em; padding-left: 3px; color: var(--muted); text-align: left; }
h2 + .scroll { margin-top: 14px; }
@media (max-width: 1400px) { th, td { padding-right: 7px; } table { font-size: 13px; } td small { min-width: 6.4em; } }
.charts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 18px 26px; margin-top: 10px; }
@media (max-width: 960px) { .charts { grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); } }
figure { margin: 0; min-width: 0; }
figcaption { margin-bottom: 4px; color: var(--muted); font-size: 13px; }
.plot { display: block; width: 100%; max-width: 460px; height: auto; }
.interval { display: block; width: 190px; height: 16px; }
.sample { width: 24px; height: 12px; margin-right: 5px; vertical-align: -1px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 20px; color: var(--muted); font-size: 13px; }
svg text { fill: var(--text); font-family: inherit; font-size: 11px; font-variant-numeric: tabular-nums; }
svg .tick, svg .axis { fill: var(--muted); }
svg .label { font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 3.5px; stroke-linejoin: round; }
.grid { stroke: var(--grid); }
.zero { stroke: var(--muted); fill: none; }
.track { stroke: var(--grid); stroke-width: 2; }
.line { fill: none; stroke: var(--ink); stroke-width: 2; stroke-linejoin: round; }
.chance { fill: none; stroke: var(--muted); stroke-width: 1.3; stroke-dasharray: 5 4; }
.held { stroke: var(--second); stroke-width: 1.6; stroke-dasharray: 2 3; }
.dot { fill: var(--ink); stroke: var(--card); stroke-width: 1.2; }
.ring { fill: var(--card); stroke: var(--second); stroke-width: 2.4; }
.whisker { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.bar-harmful { fill: var(--ink); stroke: var(--ink); }
.bar-harmless { fill: none; stroke: var(--ink); stroke-width: 1.3; }
@media print { :root { color-scheme: light; } body { background: none; } section { border: 0; padding: 0; }
  .charts, tr { break-inside: avoid; } .scroll { overflow: visible; } }
"""
