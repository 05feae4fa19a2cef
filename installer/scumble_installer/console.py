"""What a person sees: steps with times and sizes on standard error, results on standard output."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from typing import Callable, Sequence

from .errors import InstallError

LEAVING_S = 60.0  # longest wait for a program that has nothing more to say


class Console:
    """Lines for people. `quiet` (with --json) keeps all but errors away."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, text: str = "") -> None:
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        self.say("    " + text)

    def step(self, title: str) -> Step:
        return Step(self, title)

    def ask(self, question: str, yes: bool) -> bool:
        """True when the person agrees; without a terminal to ask on, only --yes agrees."""
        if yes:
            return True
        if not sys.stdin or not sys.stdin.isatty():
            raise InstallError("There is no terminal to ask on.", "Add --yes to go on without questions.")
        print(question + " [Y/n] ", end="", file=sys.stderr, flush=True)
        return input().strip().lower() in ("", "y", "yes")


class Step:
    """One thing under way: says its title at the start and its time at the end."""

    def __init__(self, console: Console, title: str) -> None:
        self.console = console
        self.title = title
        self.note = ""

    def __enter__(self) -> Step:
        self.started = time.monotonic()
        self.console.say("> " + self.title)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        seconds = time.monotonic() - self.started
        word = "done" if kind is None else "stopped"
        self.console.detail("{} in {}{}".format(word, duration(seconds), self.note and ", " + self.note))


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def megabytes(nbytes: float) -> str:
    mb = nbytes / 1e6
    return f"{mb / 1000:.1f} GB" if mb >= 1000 else f"{mb:.0f} MB"


def stream(
    argv: Sequence[str],
    *,
    environ: dict[str, str],
    on_line: Callable[[str], None],
    heartbeat: Callable[[float], None] | None = None,
) -> list[str]:
    """Run a program, hand on each line it prints (both streams), and return all lines.

    heartbeat is called with the seconds of silence about every 15 seconds, so that a long download shows life.
    Raises InstallError with the last lines when the program fails or can't be started.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise InstallError(f"{argv[0]} can't be started: {error.strerror or error}.") from error
    lines: list[str] = []
    finished = threading.Event()

    def beat() -> None:
        begun = time.monotonic()
        while not finished.wait(15):
            if heartbeat is not None:
                heartbeat(time.monotonic() - begun)

    watcher = threading.Thread(target=beat, daemon=True)
    watcher.start()
    assert process.stdout is not None
    try:
        with process.stdout as output:
            for line in output:
                lines.append(line.rstrip())
                on_line(line.rstrip())
        status = process.wait(LEAVING_S)  # it has closed its output
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LEAVING_S)
        raise
    finally:
        finished.set()
    if status:
        tail = "\n".join("    " + line for line in lines[-12:])
        raise InstallError("This command failed with status {}: {}\n{}".format(status, " ".join(argv[:6]), tail))
    return lines
