"""`scumble jobs`: what waits, runs and has ended."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from scumble_cli import connection
from scumble_wire.messages import Cancel, Jobs, ListJobs, Pause, Resume


def register(app: typer.Typer) -> None:
    app.command("jobs")(jobs)


def jobs(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    cancel: Annotated[str | None, typer.Option(metavar="JOB", help="Stop a job.", show_default=False)] = None,
    pause: Annotated[str | None, typer.Option(metavar="JOB", help="Pause a training.", show_default=False)] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="JOB", help="Go on with a training.", show_default=False)
    ] = None,
) -> None:
    """List the backend's jobs, those of the editors among them; cancel, pause or resume one."""
    with connection.connect(launch=resume is not None) as client:
        for wish in (
            Cancel(cancel) if cancel else None,
            Pause(pause) if pause else None,
            Resume(resume) if resume else None,
        ):
            if wish is not None:
                client.request(wish)
        found = client.request(ListJobs()).message
    assert isinstance(found, Jobs)
    if as_json:
        connection.print_json(connection.as_dict(found)["jobs"])
        return
    if not found.jobs:
        typer.echo("There are no jobs.")
        return
    table = Table("Job", "What", "State", "Done", "Left", box=None)
    for job in found.jobs:
        left = "" if job.remaining_s is None else f"{job.remaining_s:.0f} s"
        table.add_row(job.job, job.title, job.state, f"{job.fraction:.0%}", left)
    connection.output().print(table)
