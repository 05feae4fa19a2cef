"""Many pictures at once: what `scumble batch` does, and `scumble style` and `upscale` with several pictures."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from scumble_backend.batch import inputs, plan, threads
from scumble_backend.batch.effect import Effect
from scumble_backend.batch.engines import BackendEngine
from scumble_backend.batch.journal import Journal
from scumble_backend.batch.names import Names
from scumble_backend.batch.outcome import Outcome
from scumble_backend.batch.work import Hand
from scumble_backend.files import make_folder
from scumble_backend.packs.store import PackStore
from scumble_cli import connection
from scumble_wire.client import Client

NOTES_SHOWN = 10


@dataclass
class Report:
    """What became of a batch. there: results of an earlier run. not_begun: stopped before it was their turn."""

    out: Path
    total: int
    there: int
    outcomes: list[Outcome] = field(default_factory=list)
    stopped: bool = False
    seconds: float = 0.0

    @property
    def done(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.status == "done"]

    @property
    def failures(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.status == "failed"]

    @property
    def not_begun(self) -> int:
        return self.total - self.there - len(self.outcomes)

    @property
    def status(self) -> int:
        """The command's exit status."""
        if self.stopped:
            return 130
        return 1 if self.failures or self.not_begun else 0

    def to_json(self) -> dict[str, Any]:
        done, devices = self.done, Counter(one.device for one in self.done if one.device)
        return {
            "output": str(self.out),
            "done": len(done),
            "done_before": self.there,
            "failed": len(self.failures),
            "not_begun": self.not_begun,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 3),
            "pictures_per_second": round(len(done) / self.seconds, 3) if self.seconds else 0.0,
            "network_seconds": round(sum(one.network_seconds for one in done), 3),
            "devices": dict(devices),
            "results": [{"source": one.source, "output": one.output, "notes": list(one.notes)} for one in done],
            "failures": [
                {
                    "source": one.source,
                    "output": one.output,
                    "code": one.code,
                    "message": one.message,
                    "remedy": one.remedy,
                }
                for one in self.failures
            ],
        }

    def tell(self) -> None:
        """A line on standard output; notes and a table of failures on standard error."""
        rate = f", {len(self.done) / self.seconds:.2g} a second" if self.done and self.seconds else ""
        there = f", {self.there} of them from before" if self.there else ""
        made = len(self.done) + self.there
        typer.echo(f"{made} of {self.total} pictures are in {self.out}{there}{rate}.")
        self._tell_notes()
        if self.failures:
            table = Table("picture", "what happened", "what to do", title=f"{len(self.failures)} failed")
            for one in self.failures:
                table.add_row(Text(one.source), Text(one.message), Text(one.remedy))
            connection.errors().print(table)
        if self.not_begun:
            why = "Stopped" if self.stopped else "The last pictures all failed for a reason of the machine's"
            typer.echo(f"{why}: {self.not_begun} pictures are left. The same command goes on with them.", err=True)

    def _tell_notes(self) -> None:
        notes = [(one.source, note) for one in self.done for note in one.notes]
        for source, note in notes[:NOTES_SHOWN]:
            typer.echo(f"{source}: {note}", err=True)
        if len(notes) > NOTES_SHOWN:
            typer.echo(f"... and {len(notes) - NOTES_SHOWN} more remarks; --json has them all.", err=True)


def run(
    sources: Sequence[str],
    out: Path,
    effects: Sequence[Effect],
    *,
    names: Names | None = None,
    steady: bool = False,
    overwrite: bool = False,
    workers: int = 0,
    cluster: str = "",
    as_json: bool = False,
) -> int:
    """Carry out a batch and tell of it; returns the exit status.

    workers: pictures at a time; 0: as the machine allows.
    cluster: address of a Ray cluster; empty: the backend of this machine. Raises ScumbleError for what concerns the
    whole batch; nothing has then been painted.
    """
    names = names or Names(several_packs=len(effects) > 1)
    if cluster:  # other machines have other working folders
        sources, out = [str(Path(source).absolute()) for source in sources], out.absolute()
    found = inputs.find(sources, out)
    make_folder(out)
    journal = Journal(out)
    with journal.held():
        journal.clear_leftovers()
        journal.refresh()
        store = PackStore()
        todo = plan.make(found, effects, names, journal, out, store=store, steady=steady, overwrite=overwrite)
        report = Report(out, todo.total, todo.done, list(todo.failures))
        convert = effects[0].convert
        if cluster:
            from scumble_backend.batch import cluster as clusters

            outcomes = clusters.carry_out(todo.tasks, cluster, store, convert=convert)
        else:
            if todo.tasks:  # a backend that can't be started is said at once, not for every picture
                connection.connect(launch=True).close()
            workers = workers or default_workers()
            hand = Hand(journal, convert=convert, workers=workers)
            outcomes = threads.carry_out(todo.tasks, hand, _engine_maker(), workers)
        _follow(outcomes, report, quiet=as_json)
    if as_json:
        connection.print_json(report.to_json())
    else:
        report.tell()
        if found.left_out:
            typer.echo(f"Left alone, as their names aren't those of pictures: {found.left_out}.", err=True)
    return report.status


def default_workers() -> int:
    """Pictures at a time: enough that some are read and written while others are on the device."""
    return 1 + max(2, min(8, os.cpu_count() or 2))


def _follow(outcomes: Iterator[Outcome], report: Report, *, quiet: bool) -> None:
    began = time.perf_counter()
    with contextlib.closing(outcomes), _bar(quiet) as bar:  # type: ignore[type-var]
        task = bar.add_task("pictures", total=report.total - report.there, completed=len(report.outcomes))
        try:
            for outcome in outcomes:
                report.outcomes.append(outcome)
                report.seconds = time.perf_counter() - began
                bar.update(task, advance=1)
        except KeyboardInterrupt:
            report.stopped = True
    report.seconds = time.perf_counter() - began


def _engine_maker() -> Any:
    """One connection for each thread; one after the other, so that a single backend is started."""
    lock = threading.Lock()

    def connect() -> Client:
        with lock:
            return connection.connect(launch=True)

    return lambda stop: BackendEngine(connect, stop)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.2g} pictures/s")


def _bar(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        BarColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=connection.errors(),
        transient=True,
        disable=quiet,
        speed_estimate_period=120,
    )
