"""Documents in Elasticsearch: PUT keeps one, GET finds those with the words asked for. There where the plan has it."""

import logging
from typing import Annotated
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, Field

from app import connections, plan
from app.probes import reason
from app.settings import Settings, SettingsError

router = APIRouter()

INDEX = "backend-documents"
LONGEST = 100_000  # characters of one document

logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request is in the access log already


class Document(BaseModel):
    """What is kept under a name."""

    title: str = Field(min_length=1, max_length=1000)
    text: str = Field(max_length=LONGEST)


class Found(BaseModel):
    """A document with its name, and how well it fits."""

    name: str
    score: float
    document: Document


def client(settings: Settings) -> httpx.AsyncClient:
    """Keeps connections to Elasticsearch open; where that is and who asks, is said with each request."""
    return httpx.AsyncClient(timeout=settings.talk_limit, trust_env=False)


def _parted(url: str) -> tuple[str, httpx.BasicAuth | None]:
    """An address without who signs in, and who does: Elasticsearch's one built-in user, as an API key would have to be
    made by a job first."""
    parts = urlsplit(url)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
    return bare, httpx.BasicAuth(parts.username, parts.password or "") if parts.username else None


@router.put("/documents/{name}")
async def keep(
    name: Annotated[str, Path(min_length=1, max_length=100)], document: Document, request: Request, response: Response
) -> Document:
    """201 for a new document, 200 for one that was replaced; from then on it can be found. 503 without
    Elasticsearch."""
    path = f"/{INDEX}/_doc/{quote(name, safe='')}?refresh=wait_for"
    answer = await _ask(request, "PUT", path, document.model_dump())
    response.status_code = answer.status_code
    return document


@router.get("/documents")
async def find(
    request: Request,
    q: Annotated[str, Query(min_length=1, max_length=1000)],
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> list[Found]:
    """The documents that hold words of `q`, the best first; 503 without Elasticsearch."""
    query = {"multi_match": {"query": q, "fields": ["title^2", "text"]}}
    # No index yet is no document yet.
    path = f"/{INDEX}/_search?ignore_unavailable=true"
    answer = await _ask(request, "POST", path, {"query": query, "size": limit})
    hits = answer.json()["hits"]["hits"]
    return [Found(name=hit["_id"], score=hit["_score"], document=hit["_source"]) for hit in hits]


async def _ask(request: Request, method: str, path: str, body: dict[str, object]) -> httpx.Response:
    state = request.app.state
    if absent := plan.absent(state.settings.plan_file, "elasticsearch", "search"):
        raise HTTPException(503, absent)
    try:
        bare, auth = _parted(connections.elasticsearch(state.settings))
        answer: httpx.Response = await state.search.request(method, bare + path, json=body, auth=auth)
        answer.raise_for_status()
    except SettingsError as error:
        raise HTTPException(503, f"Elasticsearch: {error}.") from error
    except httpx.HTTPStatusError as error:
        raise HTTPException(503, f"Elasticsearch answers HTTP {error.response.status_code}.") from error
    except httpx.TimeoutException as error:
        raise HTTPException(503, f"Elasticsearch: no answer within {state.settings.talk_limit:g} s.") from error
    except httpx.TransportError as error:
        raise HTTPException(503, f"Elasticsearch: {reason(error, state.settings.talk_limit)}.") from error
    return answer
