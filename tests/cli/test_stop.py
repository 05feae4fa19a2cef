"""`scumble stop`, against backends that leave, hang, speak another version or can't be talked to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scumble_cli.commands import stop
from scumble_cli.main import main
from scumble_wire import endpoint

SMALL_BACKEND = str(Path(__file__).parents[1] / "wire" / "small_backend.py")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    monkeypatch.delenv("SCUMBLE_ENDPOINT", raising=False)
    monkeypatch.setattr(stop, "SIGNAL_S", 1.0)
    monkeypatch.setattr("scumble_wire.client.HANDSHAKE_S", 0.3)
    endpoint.make_private_folder(tmp_path / "runtime")
    with subprocess.Popen([sys.executable, SMALL_BACKEND, "serve"]) as process:
        end = time.monotonic() + 20
        while not file(tmp_path).exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        yield process
        process.kill()


def file(home: Path) -> Path:
    return home / "runtime" / endpoint.FILE_NAME


def test_one_that_listens_leaves(backend: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop"]) == 0
    assert capsys.readouterr().out == "The backend has stopped.\n"
    assert backend.wait(5) == 0
    assert main(["stop"]) == 0
    assert capsys.readouterr().out == "No backend was running.\n"


def test_a_wrong_mode_of_the_endpoint_file_does_not_hide_it(
    backend: subprocess.Popen[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file(tmp_path).chmod(0o644)
    assert main(["stop"]) == 0
    assert capsys.readouterr().out == "The backend has stopped.\n"
    assert backend.wait(5) is not None


@pytest.mark.parametrize("damage", ["removed", "damaged", "another version", "another secret"])
def test_neither_does_any_other_trouble_with_it(
    backend: subprocess.Popen[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    found = json.loads(file(tmp_path).read_text())
    if damage == "removed":
        file(tmp_path).unlink()
    else:
        found |= {"damaged": {"pid": 0}, "another version": {"protocol": 99}, "another secret": {"secret": "x"}}[
            damage
        ]
        file(tmp_path).write_text(json.dumps(found))
    assert main(["stop"]) == 0
    assert capsys.readouterr().out == "The backend has stopped.\n"
    assert backend.wait(5) is not None


def test_one_that_hangs_is_named_and_ended_on_request(
    backend: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    backend.send_signal(signal.SIGSTOP)
    assert main(["stop"]) == 1
    told = capsys.readouterr()
    assert f"The backend (process {backend.pid}) does not react." in told.err and "stop --force" in told.err
    assert told.out == "" and backend.poll() is None
    assert main(["stop", "--force"]) == 0
    assert capsys.readouterr().out == "The backend has stopped.\n"
    assert backend.wait(5) == -signal.SIGKILL


def test_on_a_terminal_it_offers_to_end_one_that_hangs(
    backend: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(stop.typer, "confirm", confirm)
    backend.send_signal(signal.SIGSTOP)
    assert main(["stop"]) == 0
    assert f"process {backend.pid}" in asked[0]
    assert backend.wait(5) == -signal.SIGKILL


def test_a_backend_of_another_machine_is_left_alone(
    backend: subprocess.Popen[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through a tunnel, say: its process is not ours to end."""
    found = json.loads(file(tmp_path).read_text())
    backend.kill()
    backend.wait()
    file(tmp_path).write_text(json.dumps(found | {"host": "far-away"}))
    assert main(["stop"]) == 1
    assert "No backend answers" in capsys.readouterr().err
