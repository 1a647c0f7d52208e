"""Puts the application together."""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app import documents, health, messages, metrics, page, services
from app.logs import AccessLog
from app.metrics import Measure, Pool
from app.settings import Settings
from app.shared import Shared
from app.tracing import Trace, Tracing

LARGEST_POOL = 5  # connections to PostgreSQL per process
LOOKUPS = 64  # host names looked up at once: each takes a thread, and a slow one must not hold up the others
CLOSE_SECONDS = 3


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; without settings, those of the environment (raises SettingsError)."""
    app = FastAPI(
        title="GenAI stack backend",
        # Swagger UI and ReDoc load their scripts from the internet; the schema itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
        # To /health/ it would answer with the address that the gateway asks, which no browser knows.
        redirect_slashes=False,
        lifespan=lifespan,
    )
    state = app.state
    state.settings = settings or Settings.from_env(os.environ)
    state.readiness = Shared(health.KEPT)
    state.metrics, state.tracing = metrics.registry(), Tracing(state.settings)
    for module in (health, services, messages, documents, metrics, page):
        app.include_router(module.router)
    # From the inside out: the log tells the trace that the request was part of.
    app.add_middleware(Measure, registry=state.metrics)
    app.add_middleware(AccessLog)
    app.add_middleware(Trace, tracing=state.tracing)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Holds the connections. None is made before it is used, so the application is live before the database is,
    and each use after a failure tries again."""
    settings: Settings = app.state.settings
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LOOKUPS))
    pool = await asyncpg.create_pool(settings.database_url, min_size=0, max_size=LARGEST_POOL)
    app.state.database = pool
    app.state.metrics.register(Pool(pool))
    # One more try, so that a pooled connection which a restart of Redis has cut is no failure.
    app.state.redis = Redis.from_url(settings.redis_url, retry=Retry(NoBackoff(), 1))
    try:
        async with documents.client(settings) as app.state.search:
            yield
    finally:
        try:
            await asyncio.wait_for(pool.close(), CLOSE_SECONDS)
        except TimeoutError:
            pool.terminate()
        await app.state.redis.aclose()
        await asyncio.to_thread(app.state.tracing.close)
