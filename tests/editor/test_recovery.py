"""A backend killed in the middle of a picture: noticed, another one started, the picture painted all the same.

The real thread, sockets and processes, with a small backend. How long it takes, many times over:
`SCUMBLE_RECOVERY_RUNS=20 python3 installer/install.py test tests/editor/test_recovery.py -s`
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from wire.small_backend import UNENDING

from scumble_editor.backend import Backend
from scumble_editor.threaded_client import ThreadedClient
from scumble_wire import endpoint, launch, running
from scumble_wire.client import Client
from scumble_wire.launch import LaunchCommand
from scumble_wire.messages import Copy, ImageInfo

RUNS = int(os.environ.get("SCUMBLE_RECOVERY_RUNS", "1"))
NOTICED_S = 2.0
COMMAND = LaunchCommand((sys.executable, str(Path(__file__).parents[1] / "wire" / "small_backend.py"), "serve"))

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's"),
    pytest.mark.timeout(120 + 30 * RUNS),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    monkeypatch.delenv("SCUMBLE_ENDPOINT", raising=False)
    endpoint.make_private_folder(tmp_path / "runtime")
    yield tmp_path
    for process in launch._started:
        process.kill()
        process.wait(10)


class Editor:
    """An editor's main thread: it pumps whenever something has come."""

    def __init__(self, command: LaunchCommand) -> None:
        self._rung = threading.Event()
        self._channel = ThreadedClient(
            lambda: Client.connect(name="test", version="1", launch=command, timeout_s=30), self._rung.set
        )
        self.backend = Backend(self._channel)

    def until(self, condition: Callable[[], Any], seconds: float = 30.0) -> float:
        """Pump until the condition holds. Returns after how many seconds it did."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds, "it did not happen in time"
            self._rung.wait(0.05)
            self._rung.clear()
            self.backend.pump()
        return time.monotonic() - began


def test_a_killed_backend_costs_no_picture(home: Path) -> None:
    editor, noticed, painted = Editor(COMMAND), [], []
    info, pixels = ImageInfo(64, 48), os.urandom(64 * 48 * 4)
    for _ in range(RUNS):
        (home / "runtime" / UNENDING).unlink(missing_ok=True)
        results: list[Any] = []
        job = editor.backend.submit(
            Copy(info, title=UNENDING), [pixels], on_done=lambda job, came, results=results: results.append(came)
        )
        editor.until(lambda job=job: job.state == "running")
        pid = running.backend_process(home / "runtime")
        assert pid
        (home / "runtime" / UNENDING).touch()
        os.kill(pid, signal.SIGKILL)
        noticed.append(editor.until(lambda job=job: job.sent_again))
        painted.append(noticed[-1] + editor.until(lambda job=job: not job.open))
        assert job.state == "done", job.text
        assert bytes(results[0].frames[0]) == pixels
        assert running.backend_process(home / "runtime") not in (None, pid)
    for what, times in (("noticed", noticed), ("painted", painted)):
        print(f"{what} after {statistics.median(times):.3f} s (median), {max(times):.3f} s (worst of {len(times)})")
    assert max(noticed) < NOTICED_S
    assert editor.backend.problem is None
    editor.backend.close()


def test_a_backend_that_dies_of_the_job_is_started_twice_and_no_more(home: Path) -> None:
    editor = Editor(COMMAND)
    job = editor.backend.submit(Copy(ImageInfo(4, 3), title=UNENDING), [bytes(48)])
    for _ in range(2):
        editor.until(lambda: job.state == "running")
        pid = running.backend_process(home / "runtime")
        assert pid
        os.kill(pid, signal.SIGKILL)
        editor.until(lambda: job.state != "running")
    assert job.state == "failed" and job.problem is not None and "twice" in job.problem.remedy
    assert len((home / "runtime" / "starts.txt").read_text().splitlines()) == 2
    editor.backend.close()


def test_where_nothing_is_installed_the_loss_is_told_in_words(home: Path) -> None:
    """One that somebody had started by hand: nobody knows how to start it again."""
    first = Client.connect(name="starter", version="1", launch=COMMAND)
    editor = Editor(LaunchCommand(("/nowhere/python", "serve")))
    job = editor.backend.submit(Copy(ImageInfo(4, 3), title=UNENDING), [bytes(48)])
    editor.until(lambda: job.state == "running")
    os.kill(first.welcome.pid, signal.SIGKILL)
    editor.until(lambda: not job.open)
    assert job.text.startswith("The connection to Scumble's backend was lost. Nothing was changed.")
    assert "could not be started" in job.text
    editor.backend.close()
    first.close()


@pytest.mark.parametrize("variable", ["'/unclosed", '"'])
def test_a_malformed_variable_is_told_and_does_not_end_the_thread(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("SCUMBLE_BACKEND", variable)
    channel = ThreadedClient(lambda: Client.connect(name="t", version="1", launch=launch.find_command, timeout_s=5))
    backend = Backend(channel)
    for _ in range(2):
        backend.dismiss_problem()
        job = backend.submit(Copy(ImageInfo(4, 3)), [bytes(48)])
        end = time.monotonic() + 20
        while job.open and time.monotonic() < end:
            time.sleep(0.01)
            backend.pump()
        assert job.state == "failed" and job.problem is not None
        assert job.problem.code == "backend_not_started" and "SCUMBLE_BACKEND" in job.problem.detail
    backend.close()
