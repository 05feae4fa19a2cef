"""`scumble serve`: start the backend."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from scumble_backend import __version__
from scumble_backend.errors import BackendRunning
from scumble_cli import connection
from scumble_wire import endpoint
from scumble_wire.client import Client
from scumble_wire.launch import LaunchCommand


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    device: Annotated[
        str | None,
        typer.Option(
            help="auto (all GPUs), cpu, cuda:1, mps, xpu, or several: cuda:0,cuda:2; for this run only.",
            show_default=False,
        ),
    ] = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and print the log.")] = False,
) -> None:
    """Start the backend, which paints for the editors. They also start it by themselves."""
    from scumble_backend.config import Settings

    if device is not None:
        Settings(device=device)  # refuses an impossible name before anything is started
    if foreground:
        from scumble_backend.__main__ import serve as run

        run(device, foreground=True)
        return
    command = connection.own_command()
    if device is not None:
        command = LaunchCommand((*command.argv, "--device", device))
    before = {path: path.stat().st_mtime_ns for path in endpoint.paths() if path.exists()}
    with Client.connect(name="cli", version=__version__, launch=command) as client:
        after = {path: path.stat().st_mtime_ns for path in endpoint.paths() if path.exists()}
        if before == after:
            raise BackendRunning(
                f"A backend runs already (process {client.welcome.pid}).",
                remedy="Use that one, or stop it first with `scumble stop`.",
            )
        typer.echo(f"The backend runs (process {client.welcome.pid}). Stop it with `scumble stop`.")
        assert client.welcome.pid != os.getpid()
