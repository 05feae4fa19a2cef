"""Working straight from a checkout: `run`, `try` and `test` use its sources and a private environment."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from . import backend_env, environment, gpus, lockfile, machine, pythons, torch_builds
from .console import Console
from .facts import Facts
from .places import Places, source_root


def backend_environment(places: Places, console: Console) -> Path:
    """The environment with everything the backend needs, made when it's missing. Returns its folder."""
    pins = lockfile.read(source_root() / "constraints.txt")
    python = pythons.choose(pythons.find(), _uv())
    builds = list(torch_builds.choose(gpu_facts(python)).builds)
    there = backend_env.complete(places, pins, python, builds)
    if there is not None:
        environment.touch(there[0])
        return there[0]
    with console.step(f"Private environment for the backend, Python {python.short}"):
        return backend_env.make(places, console, python, builds, pins, _uv())[0]


def dev_environment(places: Places, console: Console) -> Path:
    """The same with what the gate needs, as a thin layer on top."""
    below = backend_environment(places, console)
    runtime = lockfile.read(source_root() / "constraints.txt")
    pins = lockfile.without(lockfile.read(source_root() / "constraints-dev.txt"), runtime)
    python = pythons.choose(pythons.find(), _uv())
    name = environment.name_for("dev", pins + runtime, python, torch_builds.TorchBuild(below.name, ""))
    folder = places.environments / name
    recipe = environment.Recipe(
        "dev",
        python,
        torch_builds.DEFAULT,
        pins,
        below=below,
        uv=_uv(),
        check="import ruff, mypy, pytest",
    )
    if environment.is_complete(folder):
        environment.touch(folder)
        return folder
    with console.step("What the gate needs: ruff, mypy, pytest"):
        return environment.ensure(recipe, folder, console).folder


def _uv() -> str:
    return shutil.which("uv") or ""


def gpu_facts(python: pythons.Python) -> Facts:
    """As much as choosing PyTorch's build takes."""
    here = machine.here()
    return Facts(here.system, "", platform.machine().lower(), (python,), "", gpus.find(here), (), 0)


def environ_for_sources(places: Places) -> dict[str, str]:
    """Variables with which a private Python imports this checkout; caches stay outside it."""
    root = source_root()
    environ = environment.clean_environ()
    environ["PYTHONPATH"] = os.pathsep.join(str(root / room) for room in ("backend", "training", "cli"))
    environ["PYTHONPYCACHEPREFIX"] = str(places.cache / "pycache")
    return environ


def run(arguments: list[str], places: Places, console: Console) -> int:
    """`install.py run ARGS`: the scumble command of this checkout. Replaces this process where the system can."""
    python = str(environment.python_in(backend_environment(places, console)))
    argv = [python, "-m", "scumble_cli", *arguments]
    environ = environ_for_sources(places)
    if os.name == "nt":
        return subprocess.call(argv, env=environ)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(python, argv, environ)
    raise AssertionError("execve doesn't return")
