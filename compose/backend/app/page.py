"""The page a person sees: the same facts as /ready and /services, as plain HTML."""

import asyncio
from html import escape
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from app import health, probes, services
from app.health import Ready
from app.plan import LeftOut
from app.probes import Answer
from app.services import ServiceState, Survey
from app.style import STYLE

router = APIRouter()

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


NAME = "GenAI Vanilla Stack"
AGAIN = 10
"""Seconds after which the page looks again, for who asked for that: a page that reloads by itself takes the place away
from who reads it."""


@router.get("/", response_class=HTMLResponse)
async def page(request: Request, again: bool = False) -> Response:
    """The state of the stack, `again` and again if asked to. Links are relative, so that it works below any prefix of a
    gateway."""
    if probes.PROBE_HEADER in request.headers:
        return Response(status_code=204)
    # What the browser asked for, as the gateway tells. Relative links need the slash at its end.
    asked = request.headers.get("X-Forwarded-Path", "/")
    if not asked.endswith("/"):
        return RedirectResponse(f"./{quote(asked.rpartition('/')[2], safe='')}/")
    ready, survey = await asyncio.gather(health.check(request), services.survey(request.app.state.settings))
    return HTMLResponse(render(ready, survey, again), headers=HEADERS)


def render(ready: Ready, survey: Survey, again: bool = False) -> str:
    """The whole page; every text that comes from outside is escaped."""
    answering = sum(1 for s in survey.services if s.answer and _said(s.answer)[0] == "up")
    asked = sum(1 for s in survey.services if s.answer) + len(survey.left_out)
    count = f"{answering} of {asked}"
    project = f" · {escape(survey.project)}" if survey.project else ""
    needs = "".join(_row(escape(name.capitalize()), "", answer) for name, answer in ready.checks.items())
    found = "".join([*map(_service, survey.services), *map(_left_out, survey.left_out)])
    if survey.problem:
        found_table = f'<p class="problem">{escape(survey.problem)}</p>'
    else:
        found_table = f"<table>{_head('Service', 'What it is')}{found}</table>"
    reload = f'<meta http-equiv="refresh" content="{AGAIN}">\n' if again else ""
    turn = '<a href=".">stop looking again</a>' if again else f'<a href="?again=1">look again every {AGAIN} s</a>'
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{reload}<title>{count} answer{project} · {NAME}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header>
<h1>{NAME}{f"<small>{escape(survey.project)}</small>" if survey.project else ""}</h1>
<p>{count} services answer{_absent(survey)}. This backend is {"ready" if ready.ready else "not ready"}.</p>
</header>
<section><h2>Services</h2>{found_table}</section>
<section><h2>What this backend needs</h2><table>{_head("Name", "")}{needs}</table></section>
<footer>{turn} <a href="health">health</a> <a href="ready">ready</a> <a href="services">services</a>
<a href="openapi.json">API</a></footer>
</main>
</body>
</html>
"""


def _absent(survey: Survey) -> str:
    """What was left out, in a few words."""
    names = [escape(one.name) for one in survey.left_out]
    if not names:
        return ""
    return f"; {names[0]} was left out" if len(names) == 1 else f"; {len(names)} were left out"


def _head(name: str, about: str) -> str:
    return f"<tr><th>{name}</th><th>{about}</th><th>State</th><th>Time</th></tr>"


def _service(state: ServiceState) -> str:
    name = escape(state.name)
    if state.link and urlsplit(state.link).scheme in ("http", "https"):
        name = f'<a href="{escape(state.link)}" title="{escape(state.link)}" rel="noreferrer">{name}</a>'
    source = f"<small>{escape(state.source)}</small>" if state.source else ""
    return _row(f"{name} {source}", escape(state.about), state.answer)


def _left_out(one: LeftOut) -> str:
    return _cells("unasked", escape(one.name), escape(one.why), "left out", "")


def _row(name: str, about: str, answer: Answer | None) -> str:
    if answer is None:
        return _cells("unasked", name, about, "planned; it has no address to ask", "")
    kind, words = _said(answer)
    return _cells(kind, name, about, escape(words), f"{answer.latency_ms:.0f} ms")


def _said(answer: Answer) -> tuple[str, str]:
    """An answer's kind and words."""
    if not answer.ok:
        return "down", f"does not answer: {answer.detail}"
    status = answer.detail.removeprefix("HTTP ")
    if status == answer.detail or status < "400":
        return "up", "answers"
    if status < "500":
        return "up", "answers, and asks who you are" if status in ("401", "403") else "answers"
    return "down", f"answers with an error of its own ({status})"


def _cells(kind: str, name: str, about: str, state: str, time: str) -> str:
    return (
        f'<tr class="{kind}"><td>{name}</td><td>{about}</td>'
        f'<td><i aria-hidden="true"></i>{state}</td><td>{time}</td></tr>'
    )
