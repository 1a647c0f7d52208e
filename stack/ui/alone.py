"""Runs another program with the checkout's lock, as an action of the page: python -m stack.ui.alone WORDS"""

import signal
import subprocess
import sys
from collections.abc import Sequence

from stack import tree
from stack.errors import FAILED, INTERRUPTED, StackError


def main(words: Sequence[str]) -> int:
    """The program's exit code, 128 and its signal where one ended it; that of the lock where it stays taken."""
    try:
        with tree.locked(tree.root()):
            # The terminal's Ctrl-C goes to the program, too, which ends by itself.
            signal.signal(signal.SIGINT, lambda *_: None)
            code = subprocess.run(words, check=False).returncode
        return code if code >= 0 else 128 - code
    except OSError as error:
        print(f"{words[0]} can't be run: {error.strerror}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except StackError as error:
        for problem in error.problems:
            print(f"{problem.message}\n→ {problem.fix}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    program = sys.argv[1:]
    # Whoever waits for the lock is told that it is the page's.
    sys.argv[1:] = ["ui"]
    sys.exit(main(program))
