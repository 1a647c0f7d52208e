"""The page's style sheet: system fonts, colours for light and dark, nothing loaded from anywhere."""

STYLE = """
:root{--bg:#f6f7f9;--card:#fff;--ink:#1a1f29;--soft:#5d6675;--line:#e3e6eb;--link:#1457c8;
--up:#1a7f45;--down:#c02b2b;--none:#9aa3b2}
@media (prefers-color-scheme:dark){:root{--bg:#12151b;--card:#1a1f28;--ink:#e8ebf0;--soft:#9aa4b5;
--line:#2b323e;--link:#82b1ff;--up:#4cc38a;--down:#ff7b72;--none:#667085}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:56rem;margin:0 auto;padding:2.5rem 1.25rem}
h1{margin:0;font-size:1.75rem;letter-spacing:-.01em}
header p{margin:.25rem 0 2rem;color:var(--soft)}
h2{margin:2rem 0 .75rem;font-size:.8rem;font-weight:600;letter-spacing:.06em;text-transform:uppercase;
color:var(--soft)}
table{width:100%;border-collapse:separate;border-spacing:0;background:var(--card);
border:1px solid var(--line);border-radius:.6rem;overflow:hidden}
th,td{padding:.6rem 1rem;text-align:left;vertical-align:baseline}
th{font-size:.8rem;font-weight:500;color:var(--soft)}
td{border-top:1px solid var(--line)}
td:first-child{font-weight:600;white-space:nowrap}
td:nth-child(2){color:var(--soft)}
td:nth-child(3){min-width:11.5rem;overflow-wrap:anywhere}
th:last-child,td:last-child{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
h1 small{vertical-align:middle;font-weight:400;letter-spacing:0}
small{margin-left:.35rem;padding:.1rem .45rem;border:1px solid var(--line);border-radius:1rem;
font-size:.72rem;font-weight:400;color:var(--soft)}
i{display:inline-block;width:.6rem;height:.6rem;margin-right:.55rem;border-radius:50%;background:var(--none)}
.up i{background:var(--up)}
.down i{background:var(--down)}
.down td:nth-child(3){color:var(--down)}
.problem{margin:0;padding:1rem;border:1px solid var(--down);border-radius:.6rem;background:var(--card)}
a{color:var(--link);text-decoration:none}
a:hover,a:focus-visible{text-decoration:underline}
footer{margin-top:2rem;padding-top:1rem;border-top:1px solid var(--line)}
footer a{margin-right:1rem}
@media (max-width:40rem){th:nth-child(2),td:nth-child(2),th:last-child,td:last-child{display:none}
td:first-child{white-space:normal}small{margin-left:0}td:nth-child(3){min-width:0}}
"""
