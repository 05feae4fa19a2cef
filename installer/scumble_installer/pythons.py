"""Finding a Python that the backend runs on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import InstallError

OLDEST = (3, 10)
NEWEST = (3, 14)

_ASK = (
    "import json,sys,sysconfig,struct\n"
    "try:\n import venv,ensurepip; ok=True\n"
    "except ImportError: ok=False\n"
    "print(json.dumps([list(sys.version_info[:3]),ok,struct.calcsize('P')*8,sys.implementation.name,"
    "bool(sysconfig.get_config_var('Py_GIL_DISABLED')),getattr(sys,'_base_executable',sys.executable)]))"
)


@dataclass(frozen=True)
class Python:
    """An interpreter that was asked what it is."""

    path: str
    version: tuple[int, int, int]
    can_make_environments: bool  # has venv and ensurepip (Debian splits them off)
    bits: int = 64
    implementation: str = "cpython"
    free_threaded: bool = False

    @property
    def short(self) -> str:
        return "{}.{}".format(*self.version[:2])

    def why_not(self) -> str:
        """Why the backend can't run on it, in words; "" if it can."""
        if self.implementation != "cpython":
            return f"it is {self.implementation}, not CPython"
        if self.version[:2] < OLDEST:
            return "it is older than {}.{}".format(*OLDEST)
        if self.version[:2] > NEWEST:
            return "it is newer than {}.{}, for which PyTorch has no build yet".format(*NEWEST)
        if self.bits != 64:
            return f"it is a {self.bits}-bit build, and PyTorch needs 64"
        if self.free_threaded:
            return "it is a free-threaded build, for which some of the packages have no build"
        if self.version == (3, 14, 1):
            return "torchvision refuses exactly this version"
        return ""


def ask(path: str) -> Python | None:
    """What the interpreter at `path` says of itself; None if it doesn't answer."""
    try:
        answer = subprocess.run(
            [path, "-I", "-c", _ASK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            check=True,
        )
        version, makes, bits, implementation, free_threaded, real = json.loads(answer.stdout.decode())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Python(real or path, (version[0], version[1], version[2]), makes, bits, implementation, free_threaded)


def candidates() -> list[str]:
    """Interpreters worth asking, the one that runs the installer first."""
    names = [sys.executable]
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        names.append(shutil.which(f"python3.{minor}") or "")
    names += [shutil.which("python3") or "", shutil.which("python") or ""]
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", "")) / "Programs" / "Python"
        for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
            names.append(str(base / f"Python3{minor}" / "python.exe"))
    seen: list[str] = []
    for name in names:
        if name and Path(name).exists() and name not in seen:
            seen.append(name)
    return seen


def find() -> list[Python]:
    """Every Python found, usable or not, the first usable one of them being the best choice."""
    found: list[Python] = []
    for path in candidates():
        python = ask(path)
        if python is None:
            continue
        found.append(python)
        if not python.why_not() and python.can_make_environments:
            break
    return found


def choose(found: list[Python], uv: str) -> Python:
    """The Python for the backend's environment. With uv at hand, one without venv serves too.

    Raises InstallError that says what was found and what to get.
    """
    for python in found:
        if not python.why_not() and (python.can_make_environments or uv):
            return python
    for python in found:
        if not python.why_not():
            raise InstallError(
                f"Python {python.short} at {python.path} can't make environments: its venv module is missing.",
                f"Install it (Debian, Ubuntu: apt install python{python.short}-venv), or install uv.",
            )
    tried = "; ".join(f"{p.path} {p.short}: {p.why_not()}" for p in found)
    raise InstallError(
        "No Python was found that the backend runs on (it needs {}.{} to {}.{}). {}".format(*OLDEST, *NEWEST, tried),
        "Install one from your system's packages or from python.org and start the installer with it, or install uv, "
        "which gets a private one by itself.",
    )
