"""`scumble stop`: end the backend."""

from __future__ import annotations

import time

import typer

from scumble_cli import connection
from scumble_wire import endpoint
from scumble_wire.errors import ConnectionFailed, ConnectionLost, TimedOut
from scumble_wire.messages import Shutdown

PATIENCE_S = 20.0  # training writes its checkpoint first


def register(app: typer.Typer) -> None:
    app.command("stop")(stop)


def stop() -> None:
    """Stop the backend. Its jobs are cancelled; training is paused and can go on later."""
    try:
        client = connection.connect(launch=False)
    except ConnectionFailed as error:
        if any(path.exists() for path in endpoint.paths()) and not _stale():
            raise
        del error
        typer.echo("No backend was running.")
        return
    with client:
        pid = client.welcome.pid
        client.request(Shutdown())
        deadline = time.monotonic() + PATIENCE_S
        try:
            while time.monotonic() < deadline:  # it closes the connection when all is done
                client.poll(0.2)
        except ConnectionLost:
            typer.echo("The backend has stopped.")
            return
    raise TimedOut(
        f"The backend (process {pid}) still runs after {PATIENCE_S:g} seconds.",
        remedy=f"It may still be writing a checkpoint. If it stays, end process {pid}.",
    )


def _stale() -> bool:
    """Whether every endpoint file speaks of a backend that is gone."""
    found = []
    for path in endpoint.paths():
        try:
            found.append(endpoint.read(path).stale)
        except ConnectionFailed:
            continue
    return all(found)
