"""Working straight from a checkout: `run`, `try` and `test` use its sources and a private environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from . import environment, lockfile, pythons
from .console import Console, megabytes
from .places import Places, source_root
from .torch_builds import CPU, DEFAULT, TorchBuild

_LAYER_CHECK = "import ruff, mypy, pytest, hypothesis"


def backend_environment(places: Places, console: Console, builds: list[TorchBuild] | None = None) -> Path:
    """The environment with everything the backend needs, made when it's missing. Returns its folder."""
    pins = lockfile.read(source_root() / "constraints.txt")
    uv = shutil.which("uv") or ""
    python = pythons.choose(pythons.find(), uv)
    wanted = builds if builds is not None else default_builds()
    folders = [
        (build, places.environments / environment.name_for("backend", pins, python, build)) for build in wanted
    ]
    for build, folder in folders:
        if environment.is_complete(folder):
            return environment.ensure(_recipe(python, build, pins, uv), folder, console).folder
    for build, folder in folders:
        if build.index and not answers(build.index):
            console.say("  PyTorch's own index doesn't answer; next choice.")
            continue
        with console.step(f"Environment for the backend: Python {python.short}, {describe(build)}"):
            made = environment.ensure(_recipe(python, build, pins, uv), folder, console)
        environment.prune(places.environments, [made.folder], console)
        return made.folder
    raise AssertionError("the last choice is always the default index")


def dev_environment(places: Places, console: Console) -> Path:
    """The same with what the gate needs, as a thin layer on top."""
    below = backend_environment(places, console)
    runtime = lockfile.read(source_root() / "constraints.txt")
    pins = lockfile.without(lockfile.read(source_root() / "constraints-dev.txt"), runtime)
    uv = shutil.which("uv") or ""
    python = pythons.choose(pythons.find(), uv)
    name = environment.name_for("dev", pins + runtime, python, TorchBuild(below.name, ""))
    folder = places.environments / name
    recipe = environment.Recipe("dev", python, DEFAULT, pins, below=below, uv=uv, check=_LAYER_CHECK)
    if environment.is_complete(folder):
        return environment.ensure(recipe, folder, console).folder
    with console.step("What the gate needs: ruff, mypy, pytest"):
        return environment.ensure(recipe, folder, console).folder


def default_builds() -> list[TorchBuild]:
    """For a checkout on Linux without an NVIDIA GPU the small CPU build; the default index has the CUDA one."""
    if sys.platform.startswith("linux") and not shutil.which("nvidia-smi"):
        return [CPU, DEFAULT]
    return [DEFAULT]


def describe(build: TorchBuild) -> str:
    if build.index:
        return f"PyTorch's {build.name} build, about {megabytes(build.disk_mb * 1e6)}"
    if sys.platform.startswith("linux"):
        return "PyTorch's CUDA build, a download of 2.8 GB and 5.8 GB on disk"
    return "PyTorch, about 1.2 GB on disk"


def answers(index: str, timeout_s: float = 5.0) -> bool:
    """Whether an index can be reached (proxies from the system's settings are used)."""
    try:
        with urllib.request.urlopen(index + "/", timeout=timeout_s):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500  # it is there, whatever it thinks of this page
    except (OSError, ValueError):
        return False


def _recipe(python: pythons.Python, build: TorchBuild, pins: list[lockfile.Pin], uv: str) -> environment.Recipe:
    return environment.Recipe("backend", python, build, pins, uv=uv)


def environ_for_sources(places: Places) -> dict[str, str]:
    """Variables with which a private Python imports this checkout; caches stay outside it."""
    root = source_root()
    environ = environment.clean_environ()
    environ["PYTHONPATH"] = os.pathsep.join([str(root / "backend"), str(root / "training")])
    environ["PYTHONPYCACHEPREFIX"] = str(places.cache / "pycache")
    return environ


def run(arguments: list[str], places: Places, console: Console) -> int:
    """`install.py run ARGS`: the scumble command of this checkout. Replaces this process where the system can."""
    python = str(environment.python_in(backend_environment(places, console)))
    argv = [python, "-m", "scumble_backend", *arguments]
    environ = environ_for_sources(places)
    if os.name == "nt":
        return subprocess.call(argv, env=environ)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(python, argv, environ)
    raise AssertionError("execve doesn't return")
