"""The process that the backend starts for `Train`: `python -m scumble_training.child JOB_DIR`.

JOB_DIR/job.json says what is to be learned. One JSON object a line goes to standard output:
  {"event": "progress", "fraction": 0 .. 1, "remaining_s": seconds or null, "stage": "loading", "training", "writing"}
  {"event": "preview", "path", "step", "steps", "style_loss", "content_loss"}
  {"event": "done", "pack": path of the .scumble file, "report": path, "seconds", "note"}
  {"event": "failed", "code", "message", "remedy"}
The words "pause" and "cancel" on standard input, and its end, write a checkpoint and end the process without a last
event. Started again on the same folder it goes on from there. `torchrun` starts several on one folder.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from scumble_wire.errors import ScumbleError

PROGRESS_S = 0.5  # seconds between two lines of progress, at least


class Wire:
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

    def say(self, event: str, **fields: Any) -> None:
        with self._lock:
            self._out.write(json.dumps({"event": event, **fields}) + "\n")
            self._out.flush()

    def progress(self, fraction: float, remaining_s: float | None, stage: str) -> None:
        now = time.monotonic()
        self._highest = max(self._highest, fraction)
        if now - self._told >= PROGRESS_S or stage != self._stage or fraction >= 1:
            self._told, self._stage = now, stage
            rest = None if remaining_s is None else round(remaining_s, 1)
            self.say("progress", fraction=round(self._highest, 5), remaining_s=rest, stage=stage)

    def preview(self, path: Path, step: int, steps: int, style_loss: float, content_loss: float) -> None:
        self.say("preview", path=str(path), step=step, steps=steps, style_loss=style_loss, content_loss=content_loss)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def wish(self) -> str:
        return self._wish

    def _listen(self, source: TextIO) -> None:
        for line in source:
            if line.strip() in ("pause", "cancel"):
                self._wish = line.strip()
                return
        self._wish = "pause"  # whoever started us is gone


def read_job(folder: Path) -> Any:
    """The StyleJob of a folder. Raises JobUnreadable that names what is wrong."""
    from scumble_backend.errors import JobUnreadable
    from scumble_training.job import StyleJob

    try:
        told = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        paths = {key: Path(told[key]) for key in ("photos", "loss_network", "packs_folder") if told.get(key)}
        return StyleJob(
            painting=folder / told["painting"],
            name=str(told["name"]),
            folder=folder,
            quality=told.get("quality") or "standard",
            strength=float(told.get("strength") or 1.0),
            stroke_scales=tuple(float(scale) for scale in told.get("stroke_scales") or ()),
            recipe=str(told.get("recipe") or ""),
            seed=told.get("seed"),
            device=str(told.get("device") or "auto"),
            download=bool(told.get("download", True)),
            **paths,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobUnreadable(f"{folder / 'job.json'} can't be read: {error!r}", remedy="Start it anew.") from error


def main(arguments: list[str] | None = None) -> int:
    """0: done or stopped as wished; 1: failed, and said so."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1:
        print("usage: python -m scumble_training.child JOB_DIR", file=sys.stderr)
        return 2
    leads = os.environ.get("RANK", "0") == "0"
    # Under torchrun nobody holds the other end of standard input: its end there is no wish.
    source = None if "RANK" in os.environ else sys.stdin
    wire = Wire(sys.stdout if leads else open(os.devnull, "w"), source)  # noqa: PTH123, SIM115
    wire.progress(0.0, None, "loading")  # before torch is imported, which takes seconds
    from scumble_training.job import Stopped
    from scumble_training.style.learning import learn_style

    try:
        learned = learn_style(read_job(Path(given[0]).resolve()), wire)
    except Stopped:
        return 0
    except ScumbleError as error:
        wire.say("failed", code=error.code, message=error.message, remedy=error.remedy)
        return 1
    wire.say(
        "done",
        pack=str(learned.pack),
        report=str(learned.report),
        seconds=round(learned.seconds, 1),
        note=learned.note,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
