"""What a batch has to do: decided before anything is painted, by the pictures, the names and what is done already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scumble_backend.batch import sequences
from scumble_backend.batch.effect import Effect, described
from scumble_backend.batch.inputs import Found, Source
from scumble_backend.batch.journal import Journal, key_of
from scumble_backend.batch.names import Names
from scumble_backend.batch.outcome import Outcome, failed
from scumble_backend.errors import NameTaken, OptionsChanged
from scumble_backend.packs.store import PackStore


@dataclass(frozen=True, slots=True)
class Job:
    """What tasks have in common. options: all that a result depends on beside its picture; key: their short name."""

    out: str
    effect: Effect
    options: dict[str, Any] = field(hash=False)
    key: str

    @classmethod
    def of(cls, out: Path, effect: Effect, options: dict[str, Any]) -> Job:
        return cls(str(out), effect, options, key_of(options))


@dataclass(frozen=True, slots=True)
class Task:
    """One result. output: below the job's folder, with / between folders. context: of a frame, its neighbors.

    replace: whatever lies in its place, even the same result.
    """

    source: Source
    output: str
    job: Job
    context: sequences.Context | None = None
    replace: bool = False

    @property
    def target(self) -> Path:
        return Path(self.job.out, self.output)


@dataclass
class Plan:
    """tasks: to carry out, in order. done: how many results are there already. failures: known before any work."""

    tasks: list[Task] = field(default_factory=list)
    done: int = 0
    failures: list[Outcome] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.tasks) + self.done + len(self.failures)


def make(
    found: Found,
    effects: Sequence[Effect],
    names: Names,
    journal: Journal,
    out: Path,
    *,
    store: PackStore,
    steady: bool = False,
    overwrite: bool = False,
) -> Plan:
    """Decide what to do. steady: frames of a sequence share statistics with their neighbors.

    Raises PackUnknown and its kinds, FileTrouble, OptionsChanged.
    """
    plan = Plan(failures=[failed(given, "", error) for given, error in found.troubles])
    contexts = sequences.contexts(found.sources) if steady else {}
    taken = {os.path.realpath(source.path).casefold(): source.path for source in found.sources}
    real_out = os.path.realpath(out)
    others: list[tuple[Task, dict[str, Any]]] = []
    for effect in effects:
        options = described(effect, store)
        alone = Job.of(out, effect, options)
        steadied = Job.of(out, effect, {**options, "sequence": sequences.VERSION})
        for number, source in enumerate(found.sources, 1):
            context = contexts.get(source)
            job = alone if context is None else steadied
            task = Task(source, names.path(source, effect.title, number), job, context, overwrite)
            place = str(Path(real_out, task.output)).casefold()
            trouble: NameTaken | None = None
            if place in taken:
                trouble = _taken(task, taken[place])
            else:
                taken[place] = source.title
                state = "free" if overwrite else journal.state(task.output, source.path, source.page, job.key)
                if state == "done":
                    plan.done += 1
                    continue
                if state == "foreign":
                    trouble = foreign(task)
                elif state == "other_options":
                    others.append((task, journal.options(task.output)))
            if trouble is None:
                plan.tasks.append(task)
            else:
                plan.failures.append(failed(source.title, task.output, trouble))
    if others:
        raise _changed(others)
    return plan


def _taken(task: Task, by: str) -> NameTaken:
    return NameTaken(
        f"The result of {task.source.title} would be called {task.output}, and so is {by} or its result.",
        remedy="Choose other names with --name, such as {number:04}-{name}, or give the folder above the pictures.",
    )


def foreign(task: Task) -> NameTaken:
    """The error for a place where something lies that is not the batch's to replace."""
    return NameTaken(
        f"{task.target} is there already; no batch made it, or it was changed since.",
        remedy="Move it away, choose another folder or name, or use --overwrite.",
    )


def _changed(others: Sequence[tuple[Task, dict[str, Any]]]) -> OptionsChanged:
    task, before = others[0]
    differing = [
        f"{name}: {_told(before.get(name))} then, {_told(task.job.options.get(name))} now"
        for name in dict.fromkeys([*before, *task.job.options])
        if before.get(name) != task.job.options.get(name)
    ]
    how_many = "1 picture that was" if len(others) == 1 else f"{len(others)} pictures that were"
    return OptionsChanged(
        f"{task.job.out} holds {how_many} made with other options ({'; '.join(differing) or 'not known any more'}).",
        remedy="Use the same options to go on, another folder to keep both, or --overwrite to make them again. "
        "Nothing was changed.",
    )


def _told(value: Any) -> str:
    if isinstance(value, dict):  # of packs, their ids: the hashes say nothing to people
        return ", ".join(f"{name} ({value[name][0][:6]})" for name in value) or "none"
    return "not there" if value is None else str(value)
