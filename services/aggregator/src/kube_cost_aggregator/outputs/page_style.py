"""How the page looks: no script, no font or image from elsewhere, light or dark as the reader's system is."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --paper: #f5f6f8; --card: #fff; --line: #dfe3e8;
  --accent: #2457c5; --ok: #1a7f47; --waiting: #9a6700; --problem: #c22b2b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #97a3b3; --paper: #12161c; --card: #1a2029;
  --line: #2c3440; --accent: #86a9f5; --ok: #4cc38a; --waiting: #e0b040; --problem: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
main, header, footer { max-width: 68rem; margin: 0 auto; padding: 0 1rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; padding-top: 1.5rem; }
h1 { font-size: 1.35rem; margin: 0; }
h2 { font-size: 1rem; margin: 0 0 .6rem; }
header p, .soft, footer { color: var(--soft); margin: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem;
  margin: 1rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; margin: 1rem 0; }
.cards section { margin: 0; padding: .8rem 1rem; }
.cards strong { display: block; font-size: 1.6rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .85rem; }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child td { border-bottom: 0; }
td.name { overflow-wrap: anywhere; min-width: 9rem; }
section > p { padding-top: .5rem; }
.money { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bar { white-space: nowrap; color: var(--soft); font-size: .85rem; }
meter { width: 5rem; height: .8rem; vertical-align: middle; }
.state { white-space: nowrap; font-weight: 600; }
.state::before { content: "●"; margin-right: .45rem; }
.ok::before { color: var(--ok); }
.waiting::before { color: var(--waiting); }
.problem::before { color: var(--problem); }
.banner { margin: .8rem 0 0; white-space: normal; }
.under { padding-left: 1.25rem; font-size: .85rem; }
.facts span { display: block; }
a { color: var(--accent); }
footer { padding-bottom: 2rem; font-size: .9rem; }
footer a { margin-right: 1rem; }
"""
