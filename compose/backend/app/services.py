"""The planned services, and whether each answers."""

import asyncio
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from app import probes
from app.probes import Answer
from app.settings import Settings

router = APIRouter()


class PlannedService(BaseModel):
    """One service of the plan: `url` is where containers reach it, `link` where a browser does."""

    name: str
    about: str = ""
    source: str = ""
    url: str | None = None
    link: str | None = None
    containers: list[str] = []


class Plan(BaseModel):
    """The file that the stack's tasks write for this application."""

    version: Literal[1]
    project: str
    services: list[PlannedService]


class ServiceState(BaseModel):
    """A planned service and its answer; null where it has no address to ask."""

    name: str
    about: str
    source: str
    link: str | None
    answer: Answer | None


class Survey(BaseModel):
    """The state of everything planned; `problem` says why the plan can't be read, if it can't."""

    project: str = ""
    services: list[ServiceState] = []
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
    plan = read_plan(settings.plan_file)
    if isinstance(plan, str):
        return Survey(problem=plan)
    states = await asyncio.gather(*(_state(service, settings.probe_limit) for service in plan.services))
    return Survey(project=plan.project, services=states)


def read_plan(file: Path) -> Plan | str:
    """The plan as it is on disk now, or one sentence on why it can't be read."""
    try:
        return Plan.model_validate_json(file.read_bytes())
    except OSError as error:
        return f"The plan {file} can't be read: {error.strerror}."
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        return f"The plan {file} can't be used: {place}: {first['msg']}."


async def _state(service: PlannedService, limit: float) -> ServiceState:
    answer = await probes.timed(probes.address(service.url), limit) if service.url else None
    return ServiceState(
        name=service.name, about=service.about, source=service.source, link=service.link, answer=answer
    )
