"""What middleware notes of an answer on its way out."""

from starlette.types import Message, Send


class Noted:
    """Sends on; `status` is the answer's, and 500 where the application failed before it had one."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500

    async def __call__(self, message: Message) -> None:
        """Sends one message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)
