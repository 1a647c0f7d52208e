"""The planned services, and whether each answers."""

import asyncio

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app import plan, probes
from app.plan import LeftOut, PlannedService
from app.probes import Answer
from app.settings import Settings

router = APIRouter()


class ServiceState(BaseModel):
    """A planned service and its answer; null where it has no address to ask."""

    name: str
    about: str
    source: str
    link: str | None
    answer: Answer | None


class Survey(BaseModel):
    """The state of everything planned, and what was left out of it; `problem` says why the plan can't be read, where
    that is so."""

    project: str = ""
    services: list[ServiceState] = []
    left_out: list[LeftOut] = []
    problem: str | None = None


@router.get("/services", responses={503: {"model": Survey}})
async def services(request: Request, response: Response) -> Survey:
    """200 with every planned service, whether it answers or not; 503 if the plan can't be read."""
    if probes.PROBE_HEADER in request.headers:
        return Survey()
    found = await survey(request.app.state.settings)
    response.status_code = 503 if found.problem else 200
    return found


async def survey(settings: Settings) -> Survey:
    """Reads the plan and asks all its services at once, each with a time limit of its own."""
    found = plan.read(settings.plan_file)
    if isinstance(found, str):
        return Survey(problem=found)
    states = await asyncio.gather(*(_state(service, settings.probe_limit) for service in found.services))
    return Survey(project=found.project, services=states, left_out=found.left_out)


async def _state(service: PlannedService, limit: float) -> ServiceState:
    answer = await probes.timed(probes.address(service.url), limit) if service.url else None
    return ServiceState(name=service.name, about=service.about, source=service.source, link=service.link, answer=answer)
