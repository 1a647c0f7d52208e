"""The page a person sees: the same facts as /ready and /services, as plain HTML."""

import asyncio
from html import escape
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from app import health, probes, services
from app.health import Ready
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


@router.get("/", response_class=HTMLResponse)
async def page(request: Request) -> Response:
    """The state of the stack. Links are relative, so that it works below any prefix of a gateway."""
    if probes.PROBE_HEADER in request.headers:
        return Response(status_code=204)
    # What the browser asked for, as the gateway tells. Relative links need the slash at its end.
    asked = request.headers.get("X-Forwarded-Path", "/")
    if not asked.endswith("/"):
        return RedirectResponse(f"./{quote(asked.rpartition('/')[2], safe='')}/")
    ready, survey = await asyncio.gather(health.check(request), services.survey(request.app.state.settings))
    return HTMLResponse(render(ready, survey), headers=HEADERS)


def render(ready: Ready, survey: Survey) -> str:
    """The whole page; every text that comes from outside is escaped."""
    title = escape(survey.project or "stack")
    answering = sum(1 for s in survey.services if s.answer and s.answer.ok)
    asked = sum(1 for s in survey.services if s.answer)
    needs = "".join(_row(name, "", answer) for name, answer in ready.checks.items())
    found = "".join(_service(state) for state in survey.services)
    if survey.problem:
        found_table = f'<p class="problem">{escape(survey.problem)}</p>'
    else:
        found_table = f"<table>{_head('Service', 'What it is')}{found}</table>"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header>
<h1>{title}</h1>
<p>{answering} of {asked} services answer. This backend is {"ready" if ready.ready else "not ready"}.</p>
</header>
<section><h2>Services</h2>{found_table}</section>
<section><h2>What this backend needs</h2><table>{_head("Name", "")}{needs}</table></section>
<footer><a href="health">health</a> <a href="ready">ready</a> <a href="services">services</a>
<a href="openapi.json">API</a></footer>
</main>
</body>
</html>
"""


def _head(name: str, about: str) -> str:
    return f"<tr><th>{name}</th><th>{about}</th><th>Answer</th><th>Time</th></tr>"


def _service(state: ServiceState) -> str:
    name = escape(state.name)
    if state.link and urlsplit(state.link).scheme in ("http", "https"):
        name = f'<a href="{escape(state.link)}" rel="noreferrer">{name}</a>'
    source = f"<small>{escape(state.source)}</small>" if state.source else ""
    return _row(f"{name} {source}", escape(state.about), state.answer)


def _row(name: str, about: str, answer: Answer | None) -> str:
    if answer is None:
        state, detail, time = "unasked", "no address to ask", ""
    else:
        state = "up" if answer.ok else "down"
        detail, time = escape(answer.detail), f"{answer.latency_ms:.0f} ms"
    return (
        f'<tr class="{state}"><td>{name}</td><td>{about}</td>'
        f'<td><i aria-hidden="true"></i>{detail}</td><td>{time}</td></tr>'
    )
