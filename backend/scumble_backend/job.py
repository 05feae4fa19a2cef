"""What the queue knows of one job, and what it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scumble_wire.errors import ScumbleError
from scumble_wire.messages import BackendMessage, Copy, Failed, JobKind, JobState, Stylize, Train, Upscale

JobMessage = Stylize | Upscale | Copy | Train

PRIORITIES: dict[str, int] = {"preview": 0, "apply": 1, "batch": 2}
KINDS: dict[type, JobKind] = {Stylize: "stylize", Upscale: "upscale", Copy: "copy", Train: "train"}


@dataclass(slots=True)
class Job:
    """What is known of one job."""

    name: str
    client: bytes  # who submitted it; b"" for training found on disk
    request: int
    message: JobMessage
    frames: Sequence[Any]
    title: str
    number: int  # order of submission
    state: JobState = "waiting"
    fraction: float = 0.0
    remaining_s: float | None = None
    stage: str = "waiting"
    started: float = 0.0
    told: float = float("-inf")  # when the last Progress was sent
    overtaken_s: float = 0.0  # while it waited: seconds that jobs ran which came later and are more urgent
    lane: int = 0  # on which device it runs
    inside_s: float = 0.0  # while it ran: seconds that more urgent jobs ran inside it
    stopping: bool = False  # a stop was asked for
    replaced: bool = False  # ... because a newer preview took its place
    pausing: bool = False  # training: the stop is a pause
    resume_after: bool = False  # training: Resume came while it was still pausing
    watchers: set[tuple[bytes, int]] = field(default_factory=set)  # (client, request)
    final: BackendMessage | None = None

    @property
    def kind(self) -> JobKind:
        return KINDS[type(self.message)]

    @property
    def priority(self) -> int:
        return len(PRIORITIES) if isinstance(self.message, Train) else PRIORITIES[self.message.priority]

    @property
    def over(self) -> bool:
        return self.state in ("done", "cancelled", "failed")


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to a client, as an answer to its request."""

    client: bytes
    request: int
    message: BackendMessage
    frames: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Give a job to its lane: the worker of a device, or (kind "train") a new process.

    lane: number of the device. A training that has a checkpoint goes on from it.
    """

    job: str
    message: JobMessage
    frames: Sequence[Any] = ()
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the worker to stop a running job at its next progress call."""

    job: str


@dataclass(frozen=True, slots=True)
class StopTraining:
    """Ask the training process to write a checkpoint and leave."""

    job: str
    pause: bool  # True: it is to go on later; False: it was cancelled


Action = Send | Start | Stop | StopTraining


def failure(error: ScumbleError, job: str = "") -> Failed:
    """The message that tells a client of an error."""
    return Failed(error.code, error.message, error.remedy, job)
