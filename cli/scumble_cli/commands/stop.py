"""`scumble stop`: end the backend, also one that can't be talked to or hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from scumble_cli import connection
from scumble_wire import endpoint, folders, running
from scumble_wire.client import Client
from scumble_wire.errors import BackendSilent, ConnectionFailed, ConnectionLost, ScumbleError, TimedOut
from scumble_wire.messages import Shutdown

PATIENCE_S = 20.0  # training writes its checkpoint first
SIGNAL_S = 5.0  # a backend that doesn't react to a signal within this time hangs


def register(app: typer.Typer) -> None:
    app.command("stop")(stop)


def stop(
    force: Annotated[bool, typer.Option("--force", help="End it even if it hangs, without asking.")] = False,
) -> None:
    """Stop the backend. Its jobs are cancelled; training is paused and can go on later."""
    folder = endpoint.paths()[0].parent
    try:
        client = connection.connect(launch=False)
    except ScumbleError as error:  # none, a silent one, one of another version, one whose endpoint file is unusable
        pid = running.backend_process(folder)
        if pid is None:
            if isinstance(error, ConnectionFailed) and not _elsewhere():
                typer.echo("No backend was running.")
                return
            raise
        _stop_process(folder, pid, error, force)
    else:
        with client:
            _ask(client, folder, force)
    typer.echo("The backend has stopped.")


def _elsewhere() -> bool:
    """Whether an endpoint file speaks of a backend whose process can't be seen from here (a tunnel, a sandbox)."""
    for path in endpoint.paths():
        with contextlib.suppress(ConnectionFailed):
            if folders.sandboxed() or endpoint.read(path).host != socket.gethostname():
                return True
    return False


def _ask(client: Client, folder: Path, force: bool) -> None:
    """Ask it to leave and wait until it has gone."""
    pid = client.welcome.pid
    deadline = time.monotonic() + PATIENCE_S
    try:
        client.request(Shutdown(), timeout_s=SIGNAL_S)
        while time.monotonic() < deadline:  # it closes the connection when all is done
            client.poll(0.2)
    except ConnectionLost:
        if _gone(folder, pid, SIGNAL_S):
            return
    except TimedOut as error:
        _stop_process(folder, pid, error, force)
        return
    late = TimedOut(
        f"The backend (process {pid}) still runs after {PATIENCE_S:g} seconds.",
        remedy="It may still be writing a checkpoint. If it stays, end it with `scumble stop --force`.",
    )
    if not force:
        raise late
    _stop_process(folder, pid, late, force)


def _stop_process(folder: Path, pid: int, why: ScumbleError, force: bool) -> None:
    """End a backend that can't be asked: by a signal, which it heeds like `Shutdown`, or for good."""
    if not pid:
        raise why  # it runs on another machine that shares the folder
    if sys.platform != "win32":  # there every signal ends a process for good
        os.kill(pid, signal.SIGTERM)
        if _gone(folder, pid, SIGNAL_S):
            return
    if not force and sys.stdin.isatty():
        force = typer.confirm(
            f"The backend (process {pid}) does not react. End it? Its jobs are lost; training goes on from its "
            "last checkpoint."
        )
    if not force:
        raise BackendSilent(
            f"The backend (process {pid}) does not react.",
            remedy="End it with `scumble stop --force`: jobs are lost, training goes on from its last checkpoint.",
        ) from why
    os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    if not _gone(folder, pid, SIGNAL_S):
        raise TimedOut(f"The backend (process {pid}) can't be ended.", remedy="Restart the machine.") from why


def _gone(folder: Path, pid: int, seconds: float) -> bool:
    """Wait until a process no longer holds the backend's lock."""
    deadline = time.monotonic() + seconds
    while running.backend_process(folder) == pid:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
