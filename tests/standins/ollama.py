"""A stand-in for Ollama, as far as a chat asks it: each answer has another number.

python -m tests.standins.ollama PORT"""

import itertools
import sys
from http.server import ThreadingHTTPServer

from tests.standins.web import Handler

_numbers = itertools.count(1)


class Ollama(Handler):
    """Answers /api/chat alone."""

    def post(self) -> None:
        self.body()
        if self.path != "/api/chat":
            self.send_error(404)
            return
        message = {"role": "assistant", "content": f"answer {next(_numbers)}"}
        counts = {"prompt_eval_count": 1, "eval_count": 2}
        self.answer_json(200, {"model": "any", "message": message, "done": True, "done_reason": "stop", **counts})


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), Ollama).serve_forever()
