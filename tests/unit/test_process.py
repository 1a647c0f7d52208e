"""Programs beside us: what they say of errors, and how they end."""

import os
import subprocess
import sys
from pathlib import Path

from stack import process

ENV = dict(os.environ)


def test_what_a_program_said_of_errors_is_there_once_it_has_ended() -> None:
    with process.child(["sh", "-c", "cat; echo why >&2; exit 3"], ENV, subprocess.PIPE, subprocess.PIPE) as child:
        assert child.process.stdin
        assert child.process.stdout
        child.process.stdin.write(b"given")
        child.process.stdin.close()
        assert child.process.stdout.read() == b"given"
        assert (child.process.wait(), child.words()) == (3, "why\n")


def test_a_program_ends_with_its_block() -> None:
    with process.child(["sleep", "1000"], ENV) as child:
        pass
    assert child.process.poll() is not None


def test_a_keeper_does_the_rest_at_the_end_also_where_we_are_killed(tmp_path: Path) -> None:
    script = 'echo ready; cat >/dev/null; echo done >"$0"'
    with process.keeper(["sh", "-c", script, str(tmp_path / "one")], ENV) as keeper:
        assert process.refused(keeper, "ready") == ""
        assert not (tmp_path / "one").exists()
    assert (tmp_path / "one").read_text() == "done\n"

    fifo = tmp_path / "two"
    os.mkfifo(fifo)
    code = f"""if True:
        import os, signal, sys
        from stack import process
        with process.keeper(["sh", "-c", {script!r}, {str(fifo)!r}], dict(os.environ)) as keeper:
            assert not process.refused(keeper, "ready")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert fifo.read_text() == "done\n"


def test_a_keeper_that_ends_at_once_tells_why() -> None:
    with process.keeper(["sh", "-c", "echo other; echo why >&2"], ENV) as keeper:
        assert process.refused(keeper, "ready") == "why"


def test_one_that_goes_on_is_not_waited_for_without_end() -> None:
    with process.keeper(["sleep", "1000"], ENV, patience_s=0.01) as keeper:
        pass
    assert keeper.process.poll() is None
    keeper.process.kill()
    keeper.process.wait()
