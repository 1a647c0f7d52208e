"""Is the backend alive, and can it do its work?"""

import asyncio
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app import probes
from app.probes import Answer

router = APIRouter()

KEPT = 1.0
"""Seconds for which what the database and Redis answered is told to whoever asks: many who ask must not keep each other
from an answer."""


class Live(BaseModel):
    """The process runs and handles requests."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What the backend needs, each with its answer; `failing` names those that gave none."""

    ready: bool
    failing: list[str]
    checks: dict[str, Answer]


@router.get("/health")
async def health() -> Live:
    """Live, whatever the state of the database: a restart of this process would not mend that."""
    return Live()


@router.get("/ready", responses={503: {"model": Ready}})
async def ready(request: Request, response: Response) -> Ready:
    """200 if both the database and Redis answer within the time limit, otherwise 503."""
    found = await check(request)
    response.status_code = 200 if found.ready else 503
    return found


async def check(request: Request) -> Ready:
    """What the database and Redis answered: to one question for all who ask at the same time, or just before."""
    found: Ready = await request.app.state.readiness.get(lambda: _ask(request))
    return found


async def _ask(request: Request) -> Ready:
    state, limit = request.app.state, request.app.state.settings.ready_limit
    database, redis = await asyncio.gather(
        probes.timed(probes.database(state.database), limit),
        probes.timed(probes.redis(state.redis), limit),
    )
    checks = {"database": database, "redis": redis}
    failing = [name for name, answer in checks.items() if not answer.ok]
    return Ready(ready=not failing, failing=failing, checks=checks)
