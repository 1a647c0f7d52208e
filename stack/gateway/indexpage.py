"""The page at / of the gateway: links to what is planned, and nothing else. Pure."""

import html
from collections.abc import Iterable
from typing import NamedTuple

TITLE = "GenAI Vanilla Stack"
STYLE = (
    ":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1a1f29;--soft:#5d6675;--line:#e3e6eb;--link:#1457c8}"
    "@media (prefers-color-scheme:dark){:root{--bg:#12151b;--card:#1a1f28;--ink:#e8ebf0;--soft:#9aa4b5;--line:#2b323e;"
    "--link:#82b1ff}}"
    "*{box-sizing:border-box}"
    "body{max-width:44rem;margin:0 auto;padding:2.5rem 1.25rem;background:var(--bg);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,sans-serif}"
    "h1{margin:0 0 1.5rem;font-size:1.75rem;letter-spacing:-.01em}"
    "ul{margin:0;padding:0;list-style:none;background:var(--card);border:1px solid var(--line);border-radius:.6rem}"
    "li{padding:.7rem 1rem}li+li{border-top:1px solid var(--line)}"
    "a{color:var(--link);font-weight:600;text-decoration:none}a:hover,a:focus-visible{text-decoration:underline}"
    "li span,p{color:var(--soft)}small{display:block;color:var(--soft);overflow-wrap:anywhere}"
)
"""System fonts, and colours for light and dark as on the backend's page; nothing is loaded from anywhere."""


class Row(NamedTuple):
    """One link: the service's name, its address, what the gateway asks for first, if anything, and what it is."""

    service: str
    address: str
    asks: str
    about: str = ""


def page(rows: Iterable[Row], engine: str = "") -> str:
    """The page as one line of HTML, with the name of the engine that serves it. No part of it can be taken for a
    ${NAME} that the gateway's start replaces."""
    items = "".join(_item(row) for row in rows)
    body = f"<ul>{items}</ul>" if items else "<p>No route is planned.</p>"
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{view}<title>{TITLE}</title><style>{STYLE}</style>'
    main = f"<main><h1>{TITLE}</h1>{body}{_foot(engine)}</main>"
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{main}</body></html>'


def _foot(engine: str) -> str:
    return f"<p><small>{_escaped(engine)} serves here.</small></p>" if engine else ""


def _item(row: Row) -> str:
    about = f" <span>{_escaped(row.about)}</span>" if row.about else ""
    asks = f" (asks for {_escaped(row.asks)})" if row.asks else ""
    address = _escaped(row.address)
    return f'<li><a href="{address}">{_escaped(row.service)}</a>{about}<small>{address}{asks}</small></li>'


def _escaped(text: str) -> str:
    return html.escape(text).replace("$", "&#36;")
