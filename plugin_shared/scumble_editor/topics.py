"""Who wants to hear of what: windows subscribe to topics; one that fails doesn't keep the others from hearing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal

from scumble_wire.errors import ScumbleError

from .words import Problem, explain

Topic = Literal["jobs", "packs", "thumbnails", "status", "problem", "connection"]

log = logging.getLogger("scumble")


def attempt(call: Callable[..., object], *arguments: Any) -> Problem | None:
    """Call what a window or a caller has handed in. Returns what went wrong; our own mistakes are logged."""
    try:
        call(*arguments)
    except ScumbleError as error:
        return explain(error)
    except Exception as error:
        log.exception("A handler of the plugin failed.")
        return explain(error)
    return None


class Topics:
    """Subscribers by topic, and the problem that the plugin shows."""

    def __init__(self) -> None:
        self._subscribers: list[tuple[Topic, Callable[[], None]]] = []
        self.problem: Problem | None = None

    def subscribe(self, topic: Topic, call: Callable[[], None]) -> Callable[[], None]:
        """Call `call` after something of the topic changed. Returns a function that ends it."""
        entry = (topic, call)
        self._subscribers.append(entry)

        def end() -> None:
            if entry in self._subscribers:
                self._subscribers.remove(entry)

        return end

    def changed(self, topic: Topic) -> None:
        """Tell all subscribers. What goes wrong in one of them is shown like any other problem."""
        found = [attempt(call) for each, call in list(self._subscribers) if each == topic]
        if topic != "problem":  # else whoever shows problems has failed: the log tells it
            self.show(next((problem for problem in found if problem is not None), None))

    def show(self, problem: Problem | None) -> None:
        """Show a problem where the plugin shows them; None leaves things as they are."""
        if problem is not None:
            self.problem = problem
            self.changed("problem")

    def dismiss(self) -> None:
        """Take away the problem that is shown."""
        if self.problem is not None:
            self.problem = None
            self.changed("problem")
