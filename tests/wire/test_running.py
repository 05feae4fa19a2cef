"""Which backend runs: known to the system even where the backend itself says nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scumble_wire import endpoint, launch, running
from scumble_wire.client import Client
from scumble_wire.errors import BackendNotStarted, BackendSilent, ConnectionFailed, EndpointUnusable
from scumble_wire.launch import LaunchCommand
from scumble_wire.locking import try_lock

SMALL_BACKEND = str(Path(__file__).with_name("small_backend.py"))
COMMAND = LaunchCommand((sys.executable, SMALL_BACKEND, "serve"))

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Scumble of its own; what a test has launched is ended."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    monkeypatch.delenv("SCUMBLE_ENDPOINT", raising=False)
    endpoint.make_private_folder(tmp_path / "runtime")
    yield tmp_path
    for process in launch._started:
        process.kill()
        process.wait(10)


@pytest.fixture
def backend(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A backend in a process of its own, ready."""
    with subprocess.Popen(COMMAND.argv) as process:
        end = time.monotonic() + 20
        while not (home / "runtime" / endpoint.FILE_NAME).exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        yield process
        process.kill()


def hold(folder: Path, content: bytes) -> subprocess.Popen[bytes]:
    """Another process that holds the lock, with something else in the file."""
    code = (
        f"import sys, time; sys.path.insert(0, {str(Path(running.__file__).parents[1])!r})\n"
        "from scumble_wire.locking import try_lock\n"
        f"file = open({str(folder / running.LOCK_NAME)!r}, 'a+b'); assert try_lock(file)\n"
        f"file.truncate(0); file.write({content!r}); file.flush(); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    return process


def test_a_process_is_known_from_its_lock_and_gone_with_it(home: Path, backend: subprocess.Popen[bytes]) -> None:
    assert running.backend_process(home / "runtime") == backend.pid
    backend.send_signal(signal.SIGSTOP)
    assert running.backend_process(home / "runtime") == backend.pid, "one that hangs still runs"
    backend.kill()
    backend.wait()
    assert running.backend_process(home / "runtime") is None
    assert running.backend_process(home / "nowhere") is None


def test_asking_leaves_the_lock_free(home: Path) -> None:
    lock = home / "runtime" / running.LOCK_NAME
    lock.write_bytes(b" 1 here\n")
    assert running.backend_process(lock.parent) is None
    with lock.open("a+b") as file:
        assert try_lock(file)


@pytest.mark.parametrize("content", [b"", b" ", b" 12 another-machine\n", b" x y\n", bytes(600), b"\xff" * 40])
def test_a_process_on_another_machine_has_no_number_here(home: Path, content: bytes) -> None:
    with hold(home / "runtime", content) as holder:
        try:
            assert running.backend_process(home / "runtime") == 0
        finally:
            holder.kill()


def test_a_backend_that_hangs_is_named_and_no_second_one_started(
    home: Path, backend: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scumble_wire.client.HANDSHAKE_S", 0.3)
    backend.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    for command in (None, COMMAND):
        with pytest.raises(BackendSilent, match=rf"process {backend.pid}\) runs but does not answer") as caught:
            Client.connect(name="a", version="1", launch=command)
        assert "scumble stop" in caught.value.remedy
    assert time.monotonic() - started < 5
    assert len((home / "runtime" / "starts.txt").read_text().splitlines()) == 1


def test_a_secret_that_others_could_read_is_not_used_while_its_backend_runs(
    home: Path, backend: subprocess.Popen[bytes]
) -> None:
    (home / "runtime" / endpoint.FILE_NAME).chmod(0o644)
    with pytest.raises(EndpointUnusable, match="read by others"):
        Client.connect(name="a", version="1", launch=COMMAND)
    backend.kill()
    backend.wait()
    with Client.connect(name="a", version="1", launch=COMMAND) as client:  # a leftover is replaced
        assert client.welcome.pid != backend.pid


def test_one_that_leaves_is_waited_for_before_another_is_started(home: Path) -> None:
    """The old one holds its lock a little longer than its sockets."""
    with hold(home / "runtime", f" 1 {socket.gethostname()}".encode()) as holder:
        waited = subprocess.Popen(["sh", "-c", f"sleep 1; kill -9 {holder.pid}"])
        with Client.connect(name="a", version="1", launch=COMMAND, timeout_s=20) as client:
            assert client.welcome.pid != holder.pid
        waited.wait()


def test_one_in_the_way_for_good_is_given_up_in_time(home: Path) -> None:
    with hold(home / "runtime", b" 1 elsewhere") as holder:
        with pytest.raises(BackendNotStarted, match="doesn't answer"):
            Client.connect(name="a", version="1", launch=COMMAND, timeout_s=1.5)
        holder.kill()


def test_a_launch_command_is_looked_for_only_when_it_is_needed(home: Path, backend: subprocess.Popen[bytes]) -> None:
    def find() -> LaunchCommand:
        raise BackendNotStarted("not installed")

    Client.connect(name="a", version="1", launch=find).close()
    backend.kill()
    backend.wait()
    with pytest.raises(BackendNotStarted, match="not installed"):
        Client.connect(name="a", version="1", launch=find)
    with pytest.raises(ConnectionFailed, match="is gone"):
        Client.connect(name="a", version="1")
