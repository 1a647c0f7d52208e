"""Messages in a queue of RabbitMQ: POST puts one in, GET takes the oldest out. There where the plan has RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError, ProbableAuthenticationError
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pamqp.common import FieldTable
from pydantic import BaseModel, Field

from app import plan
from app.probes import reason
from app.settings import Settings

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


class Broker:
    """One connection to RabbitMQ, made when it is first needed and again after it was lost."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection: AbstractConnection | None = None
        self.lock = asyncio.Lock()

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[tuple[AbstractChannel, AbstractQueue]]:
        """A channel of its own and the queue. Raises HTTPException 503 where there is no RabbitMQ, or it does
        not answer in time."""
        if absent := plan.absent(self.settings.plan_file, "rabbitmq", "messaging"):
            raise HTTPException(503, absent)
        try:
            async with asyncio.timeout(self.settings.talk_limit):
                async with self.lock:
                    if self.connection is None or self.connection.is_closed:
                        self.connection = await aio_pika.connect(self.settings.rabbitmq_url)
                async with self.connection.channel() as channel:
                    yield channel, await channel.declare_queue(QUEUE, durable=True, arguments=BOUNDS)
        except DeliveryError as error:
            raise HTTPException(507, f"The queue {QUEUE} is full: GET takes messages out.") from error
        except FAILURES as error:
            raise HTTPException(503, f"RabbitMQ: {_reason(error, self.settings.talk_limit)}.") from error

    async def close(self) -> None:
        """Says good-bye."""
        if self.connection is not None:
            await self.connection.close()


@router.post("/messages", status_code=201)
async def send(message: Text, request: Request) -> Sent:
    """201 once RabbitMQ has confirmed the message; 503 without RabbitMQ; 507 if the queue is full."""
    sent = aio_pika.Message(
        message.text.encode(),
        message_id=uuid4().hex,
        content_type="text/plain",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    async with request.app.state.broker.queue() as (channel, queue):
        await channel.default_exchange.publish(sent, routing_key=queue.name)
    return Sent(id=sent.message_id or "")


@router.get("/messages")
async def receive(
    request: Request, response: Response, limit: Annotated[int, Query(ge=1, le=100)] = 10
) -> list[Received]:
    """Takes up to `limit` messages out of the queue, the oldest first; 503 without RabbitMQ."""
    response.headers["Cache-Control"] = "no-store"
    taken: list[Received] = []
    async with request.app.state.broker.queue() as (_, queue):
        for _ in range(limit):
            message = await queue.get(fail=False)
            if message is None:
                break
            taken.append(Received(id=message.message_id or "", text=message.body.decode(errors="replace")))
            await message.ack()
    return taken


def _reason(error: BaseException, limit: float) -> str:
    return "password refused" if isinstance(error, ProbableAuthenticationError) else reason(error, limit)
