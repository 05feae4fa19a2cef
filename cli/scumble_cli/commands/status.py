"""`scumble status`: what the backend is doing."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from scumble_cli import connection
from scumble_wire.messages import GetStatus, Status


def register(app: typer.Typer) -> None:
    app.command("status")(status)


def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Tell whether the backend runs, on which device, and where its log is."""
    with connection.connect(launch=False) as client:
        found = client.request(GetStatus()).message
    assert isinstance(found, Status)
    if as_json:
        connection.print_json(connection.as_dict(found))
        return
    table = Table.grid(padding=(0, 2))
    memory = f"{found.device_memory_mb:.0f} MB" + (f" ({', '.join(n)})" if (n := found.loaded_networks) else "")
    idle = f"freed after {found.idle_release_s:g} s of idleness" if found.idle_release_s else "kept"
    for name, value in (
        ("Backend", f"{found.backend_version}, process {found.pid}, up {_duration(found.uptime_s)}"),
        ("Device", f"{found.device or 'still loading'} (setting: {found.device_setting})"),
        ("Networks", f"{memory}, at most {found.memory_budget_mb} MB, {idle}"),
        ("Jobs", f"{found.jobs_running} running, {found.jobs_waiting} waiting; {found.clients} clients"),
        ("Packs", found.packs_folder),
        ("Log", found.log_file),
        ("Versions", ", ".join(f"{name} {version}" for name, version in found.versions.items())),
    ):
        table.add_row(f"[bold]{name}[/bold]", value)
    connection.output().print(table)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
