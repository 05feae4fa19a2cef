"""`install.py test`: format, lint, types, tests; pytest's own closing line comes last."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import checkout
from .console import Console, duration
from .environment import python_in
from .places import Places, source_root

#: Debian packages that tests drive, by the program that tells whether each is there.
SYSTEM_PACKAGES = (("mmdebstrap", "mmdebstrap"), ("zstd", "zstd"), ("Xvfb", "xvfb"), ("xauth", "xauth"))


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
    if os.environ.get("SCUMBLE_SYSTEM_PACKAGES") == "1":
        system_packages(console)
    python = str(python_in(checkout.dev_environment(places, console)))
    environ = gate_environ(places)
    failed: list[tuple[str, int]] = []
    for name, argv in kinds(python, places.cache, arguments):
        started = time.monotonic()
        _say(f"== {name}")
        status = subprocess.call(argv, cwd=str(source_root()), env=environ)
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


def system_packages(console: Console) -> None:
    """Install what tests drive, where this is Debian or Ubuntu and we may; elsewhere say what is missing."""
    missing = [package for program, package in SYSTEM_PACKAGES if not shutil.which(program)]
    if not missing:
        return
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        console.say("Not installed, and only root on Debian or Ubuntu can have it done: " + ", ".join(missing))
        return
    environ = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    with console.step("Debian packages for the tests: " + ", ".join(missing)):
        for argv in (
            ["apt-get", "update", "-q"],
            ["apt-get", "install", "-qy", "--no-install-recommends", *missing],
        ):
            subprocess.run(argv, check=True, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _say(text: str) -> None:
    print(text, flush=True)
    sys.stderr.flush()
