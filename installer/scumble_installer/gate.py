"""`install.py test`: format, lint, types, tests; pytest's own closing line comes last."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from . import checkout
from .console import Console, duration
from .environment import python_in
from .places import Places, source_root


def kinds(python: str, cache: Path, arguments: list[str]) -> list[tuple[str, list[str]]]:
    """What is run, in this order: (name, command)."""
    return [
        ("ruff format", [python, "-m", "ruff", "format", "--check", "."]),
        ("ruff check", [python, "-m", "ruff", "check", "."]),
        ("mypy", [python, "-m", "mypy"]),
        ("pytest", [python, "-m", "pytest", "-o", "cache_dir=" + str(cache / "pytest"), *arguments]),
    ]


def run(arguments: list[str], places: Places, console: Console) -> int:
    """Run every kind, whatever the others said; the exit status is that of the first that failed."""
    python = str(python_in(checkout.dev_environment(places, console)))
    environ = gate_environ(places)
    # mypy takes what is on PYTHONPATH for installed packages, and those without py.typed for untyped ones
    reading = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
    failed: list[tuple[str, int]] = []
    for name, argv in kinds(python, places.cache, arguments):
        started = time.monotonic()
        _say(f"== {name}")
        status = subprocess.call(argv, cwd=str(source_root()), env=environ if name == "pytest" else reading)
        if status:
            failed.append((name, status))
        if name != "pytest":
            took = duration(time.monotonic() - started)
            _say("   {} in {}".format("FAILED" if status else "passed", took))
            if status:
                _say("   (the other kinds still run; the whole gate will fail)")
    return failed[0][1] if failed else 0


def gate_environ(places: Places) -> dict[str, str]:
    environ = checkout.environ_for_sources(places)
    environ["MYPY_CACHE_DIR"] = str(places.cache / "mypy")
    environ["RUFF_CACHE_DIR"] = str(places.cache / "ruff")
    environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(places.cache / "hypothesis")
    environ.setdefault("OMP_NUM_THREADS", str(min(4, os.cpu_count() or 1)))
    return environ


def _say(text: str) -> None:
    print(text, flush=True)
    sys.stderr.flush()
