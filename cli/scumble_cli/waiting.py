"""Waiting for a job of the backend with a progress bar, and stopping it with Ctrl-C."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scumble_cli import connection
from scumble_wire import messages
from scumble_wire.client import Client, Event
from scumble_wire.messages import Accepted, ImageResult

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def wait_for_result(
    client: Client, message: Any, frames: Sequence[Any], *, quiet: bool = False
) -> tuple[ImageResult, Any]:
    """Submit an image job and wait for its picture: (the message, its pixels).

    Raises BackendFailed, ConnectionLost. Ctrl-C cancels the job.
    """
    number = client.submit(message, frames)
    events = []
    while client.wants_write:  # loading what draws the bar takes time in which the backend can work already
        events += client.poll(0.01)
    with _bar(quiet) as bar:
        task = bar.add_task("waiting", total=1.0)
        job = ""
        try:
            while True:
                events, arrived = [], events or client.poll(0.5)
                for event in arrived:
                    if event.request != number:
                        continue
                    if isinstance(event.message, Accepted):
                        job = event.message.job
                    found = _step(event, bar, task)
                    if found is not None:
                        return found
        except KeyboardInterrupt:
            if job:
                client.cancel(job)
                client.poll(0.5)
            raise


def _step(event: Event, bar: Progress, task: TaskID) -> tuple[ImageResult, Any] | None:
    message = event.message
    if isinstance(message, messages.Progress):
        bar.update(task, completed=message.fraction, description=message.stage)
    elif isinstance(message, ImageResult):
        bar.update(task, completed=1.0, description="done")
    return event.picture()


def _bar(quiet: bool) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=connection.errors(),
        transient=True,
        disable=quiet,
    )
