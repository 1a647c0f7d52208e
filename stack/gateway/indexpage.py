"""The page at / of the gateway: links to what is planned, and nothing else. Pure."""

import html
from collections.abc import Iterable
from typing import NamedTuple

TITLE = "GenAI Vanilla Stack"


class Row(NamedTuple):
    """One link: the service's name, its address, and what the gateway asks for first, if anything."""

    service: str
    address: str
    asks: str


def page(rows: Iterable[Row], engine: str = "") -> str:
    """The page as one line of HTML, with the name of the engine that serves it. No part of it can be taken for a
    ${NAME} that the gateway's start replaces."""
    items = "".join(_item(row) for row in rows)
    body = f"<ul>{items}</ul>" if items else "<p>No route is planned.</p>"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{TITLE}</title>'
    return (
        f'<!DOCTYPE html><html lang="en"><head>{head}</head><body><h1>{TITLE}</h1>{body}{_foot(engine)}</body></html>'
    )


def _foot(engine: str) -> str:
    return f"<p><small>{_escaped(engine)} serves here.</small></p>" if engine else ""


def _item(row: Row) -> str:
    note = f" (asks for {_escaped(row.asks)})" if row.asks else ""
    return f'<li><a href="{_escaped(row.address)}">{_escaped(row.service)}</a>{note}</li>'


def _escaped(text: str) -> str:
    return html.escape(text).replace("$", "&#36;")
