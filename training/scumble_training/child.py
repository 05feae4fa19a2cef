"""The process that the backend starts for `Train`: `python -m scumble_training.child RUN_FOLDER`.

What it is to learn stands in the folder's job.json; what it tells goes to standard output, one event a line (see
`scumble_backend.training_runs`). The words "pause" and "cancel" on standard input, and its end, write a checkpoint
and end the process without a last event. Started again on the same folder it goes on from there. `torchrun` starts
several on one folder.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from scumble_backend.training_runs import events
from scumble_backend.training_runs.events import Broken, Event, Preview, Progress
from scumble_backend.training_runs.run_folder import RunFolder
from scumble_wire.errors import ScumbleError

PROGRESS_S = 0.5  # seconds between two lines of progress, at least


class Pipe:
    """The watcher that writes lines, and the thread that reads them."""

    def __init__(self, out: TextIO, source: TextIO | None) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._wish = ""
        self._told = 0.0
        self._stage = ""
        self._highest = 0.0
        if source is not None:
            threading.Thread(target=self._listen, args=(source,), name="wishes", daemon=True).start()

    def say(self, event: Event) -> None:
        with self._lock:
            self._out.write(events.to_line(event))
            self._out.flush()

    def tell(self, event: Progress | Preview) -> None:
        if isinstance(event, Preview):
            self.say(event)
            return
        now = time.monotonic()
        self._highest = max(self._highest, event.fraction)
        if now - self._told >= PROGRESS_S or event.stage != self._stage or event.fraction >= 1:
            self._told, self._stage = now, event.stage
            rest = None if event.remaining_s is None else round(event.remaining_s, 1)
            self.say(replace(event, fraction=round(self._highest, 5), remaining_s=rest))

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def wish(self) -> str:
        return self._wish

    def _listen(self, source: TextIO) -> None:
        for line in source:
            if line.strip() in (events.PAUSE, events.CANCEL):
                self._wish = line.strip()
                return
        self._wish = events.PAUSE  # whoever started us is gone


def main(arguments: list[str] | None = None) -> int:
    """0: done or stopped as wished; 1: failed, and said so."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1:
        print("usage: python -m scumble_training.child RUN_FOLDER", file=sys.stderr)
        return 2
    leads = os.environ.get("RANK", "0") == "0"
    # Under torchrun nobody holds the other end of standard input: its end there is no wish.
    source = None if "RANK" in os.environ else sys.stdin
    with contextlib.ExitStack() as stack:
        out = sys.stdout if leads else stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        pipe = Pipe(out, source)
        pipe.tell(Progress(0.0, None, "loading"))  # before torch is imported, which takes seconds
        run = RunFolder(Path(given[0]).resolve())
        try:
            if leads:
                stack.enter_context(run.held())
            return _learn(run, pipe)
        except ScumbleError as error:
            pipe.say(Broken(error.code, error.message, error.remedy))
            return 1


def _learn(run: RunFolder, pipe: Pipe) -> int:
    from scumble_training.style.learning import learn_style
    from scumble_training.watching import Stopped

    with contextlib.suppress(Stopped):  # as it was asked to
        pipe.say(learn_style(run.job(), run.path, pipe))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
