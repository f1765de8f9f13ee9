"""How a night's page looks: readable on a phone, light by day and dark by night."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{--paper:#fff;--ink:#1a1a1a;--faint:#666;--line:#ddd;--link:#0057a8;--warning:#b36b00;--error:#c00000;--box:#fdecea}
@media(prefers-color-scheme:dark){:root{--paper:#14171c;--ink:#d8dce2;--faint:#949ca8;--line:#2f3640;--link:#56b4e9;
--warning:#f0e442;--error:#ff7a70;--box:#3a1f1f}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--paper);color:var(--ink);
font:16px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem;margin:.2rem 0 1rem}h2{font-size:1.15rem;margin:1.8rem 0 .6rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1rem 0 .1rem}p{margin:.2rem 0}a{color:var(--link)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;margin:0}dt{color:var(--faint)}dd{margin:0}
.side{display:flex;flex-wrap:wrap;align-items:start;gap:1rem 3rem;margin:1.2rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}caption{text-align:left;font-weight:600}
th,td{padding:.1rem 1.2rem .1rem 0;text-align:right;white-space:nowrap}
th{color:var(--faint);font-weight:400}th:first-child,td:first-child{text-align:left}
picture,img{display:block;width:100%;height:auto}
article{border-left:.25rem solid var(--line);padding:.1rem 0 .1rem .7rem;margin:.7rem 0}
header,.aside{color:var(--faint);font-size:.9rem}time{font-variant-numeric:tabular-nums}
.warning{border-color:var(--warning)}.error{border-color:var(--error)}
.missing{background:var(--box);border-left:.25rem solid var(--error);padding:.5rem .8rem;margin:.5rem 0}
@media(max-width:34rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}}
"""
