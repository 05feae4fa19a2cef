"""Who is told how a training goes, and asked whether to go on."""

from __future__ import annotations

from typing import Protocol

from scumble_backend.training_runs.events import Preview, Progress


class Stopped(Exception):
    """A person asked to stop; the checkpoint is written. `wish`: "pause" or "cancel"."""

    def __init__(self, wish: str) -> None:
        super().__init__(wish)
        self.wish = wish


class Watcher(Protocol):
    """Called from the training's own thread."""

    def tell(self, event: Progress | Preview) -> None: ...
    def note(self, text: str) -> None: ...
    def wish(self) -> str:
        """ "", "pause" or "cancel"."""
        ...


class Silent:
    """For the processes of torchrun's that don't lead."""

    def tell(self, event: Progress | Preview) -> None: ...
    def note(self, text: str) -> None: ...
    def wish(self) -> str:
        return ""
