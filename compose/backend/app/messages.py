"""Messages in a queue of RabbitMQ: POST puts one in, GET takes the oldest out. There where the plan has RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractQueue
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError, ProbableAuthenticationError
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pamqp.common import FieldTable
from pydantic import BaseModel, Field

from app import connections, plan
from app.probes import reason
from app.settings import Settings, SettingsError

router = APIRouter()

QUEUE = "backend.messages"
# A full queue refuses: whoever can reach the gateway could otherwise fill the disk.
BOUNDS: FieldTable = {"x-max-length": 10_000, "x-overflow": "reject-publish"}
LONGEST = 10_000  # characters of one message
FAILURES = (OSError, TimeoutError, AMQPError, ChannelInvalidStateError)


class Text(BaseModel):
    """What is to be sent."""

    text: str = Field(min_length=1, max_length=LONGEST)


class Sent(BaseModel):
    """RabbitMQ has it on disk."""

    id: str


class Received(BaseModel):
    """A message that was taken out."""

    id: str
    text: str


@asynccontextmanager
async def talking(settings: Settings) -> AsyncIterator[tuple[AbstractChannel, AbstractQueue]]:
    """A channel and the queue, on a connection of its own: there is none to mend after a restart of RabbitMQ.

    Raises HTTPException 503 where there is no RabbitMQ, or it does not answer in time; 507 if the queue is full."""
    if absent := plan.absent(settings.plan_file, "rabbitmq", "messaging"):
        raise HTTPException(503, absent)
    try:
        url = connections.rabbitmq(settings)
        async with asyncio.timeout(settings.talk_limit):
            async with await aio_pika.connect(url) as connection, connection.channel() as channel:
                yield channel, await channel.declare_queue(QUEUE, durable=True, arguments=BOUNDS)
    except SettingsError as error:
        raise HTTPException(503, f"RabbitMQ: {error}.") from error
    except DeliveryError as error:
        raise HTTPException(507, f"The queue {QUEUE} is full: GET takes messages out.") from error
    except FAILURES as error:
        raise HTTPException(503, f"RabbitMQ: {_reason(error, settings.talk_limit)}.") from error


@router.post("/messages", status_code=201)
async def send(message: Text, request: Request) -> Sent:
    """201 once RabbitMQ has confirmed the message; 503 without RabbitMQ; 507 if the queue is full."""
    sent = aio_pika.Message(
        message.text.encode(),
        message_id=uuid4().hex,
        content_type="text/plain",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    async with talking(request.app.state.settings) as (channel, queue):
        await channel.default_exchange.publish(sent, routing_key=queue.name)
    return Sent(id=sent.message_id or "")


@router.get("/messages")
async def receive(
    request: Request, response: Response, limit: Annotated[int, Query(ge=1, le=100)] = 10
) -> list[Received]:
    """Takes up to `limit` messages out of the queue, the oldest first; 503 without RabbitMQ."""
    response.headers["Cache-Control"] = "no-store"
    taken: list[Received] = []
    async with talking(request.app.state.settings) as (_, queue):
        for _ in range(limit):
            message = await queue.get(fail=False)
            if message is None:
                break
            taken.append(Received(id=message.message_id or "", text=message.body.decode(errors="replace")))
            await message.ack()
    return taken


def _reason(error: BaseException, limit: float) -> str:
    return "password refused" if isinstance(error, ProbableAuthenticationError) else reason(error, limit)
