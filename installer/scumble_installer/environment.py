"""Private Python environments, named by what is in them.

An environment's folder holds `complete.json` only after everything in it was installed and imported. A folder without
it is half-made: it is removed and made again, or removed when another one is complete. Two installers at once wait
for each other.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Iterator

from . import changes, lockfile, pip_settings
from .console import Console, duration, megabytes, stream
from .errors import InstallError
from .pythons import Python
from .torch_builds import TorchBuild

STAMP = "complete.json"
DOWNLOADS = ".downloads"  # behind an environment's name: the folder of what was fetched for it, until it is complete
_NAME = re.compile(r"[a-z]+-\d+\.\d+-[0-9a-f]{12}")  # as `name_for` makes them
ANSWER_S = 60.0  # longest wait for a Python that only has to say something
LONGEST_WAIT_S = 2 * 3600.0  # for another installer: as long as a slow network may take


@dataclass(frozen=True)
class Environment:
    folder: Path
    built: bool  # False: was there already

    @property
    def python(self) -> Path:
        return python_in(self.folder)


def python_in(folder: Path) -> Path:
    if os.name == "nt":
        return folder / "Scripts" / "python.exe"
    return folder / "bin" / "python"


def name_for(purpose: str, pins: list[lockfile.Pin], python: Python, build: TorchBuild) -> str:
    """The folder's name: equal names hold equal packages."""
    from hashlib import sha256

    digest = lockfile.digest(lockfile.for_python(pins, python.short))
    text = "\n".join([digest, python.short, sys.platform, machine(), build.name])
    return f"{purpose}-{python.short}-{sha256(text.encode()).hexdigest()[:12]}"


def machine() -> str:
    import platform

    return platform.machine().lower()


def is_complete(folder: Path) -> bool:
    return (folder / STAMP).is_file() and python_in(folder).exists()


def touch(folder: Path) -> None:
    """Note that an environment is used, which keeps it from being pruned."""
    with contextlib.suppress(OSError):  # somebody else's shared folder may be read-only
        os.utime(str(folder / STAMP))


def read_stamp(folder: Path) -> dict[str, object]:
    """What the environment's stamp says; empty if it has none."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


@contextlib.contextmanager
def locked(path: Path, console: Console) -> Iterator[None]:
    """Hold a lock file; wait, saying so, while another installer holds it. The system frees it if we die.

    Raises InstallError after LONGEST_WAIT_S.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as handle:
        end, waited = time.monotonic() + LONGEST_WAIT_S, False
        while not _try_lock(handle):
            if not waited:
                console.say("  Another installer is at work; waiting for it ...")
                waited = True
            if time.monotonic() > end:
                raise InstallError(
                    f"Another installer has been at work for {LONGEST_WAIT_S / 3600:g} hours.",
                    f"End it (its lock is {path}), then start again.",
                )
            time.sleep(0.5)
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: IO[bytes]) -> bool:
        try:
            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: IO[bytes]) -> bool:
        try:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class Recipe:
    """What an environment shall consist of."""

    purpose: str  # "backend" or "dev"
    python: Python
    build: TorchBuild
    pins: list[lockfile.Pin]
    below: Path | None = None  # site-packages of this environment are seen too
    uv: str = ""  # path of uv; "" to use venv and pip
    wheels: Path | None = None  # install from this folder alone
    check: str = "import torch, torchvision; torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)"


def ensure(recipe: Recipe, folder: Path, console: Console) -> Environment:
    """The environment at `folder`, made if it isn't complete. Raises InstallError; then `folder` isn't trusted."""
    if is_complete(folder):
        touch(folder)
        return Environment(folder, built=False)
    with locked(lock_file(folder), console):
        if is_complete(folder):
            return Environment(folder, built=False)
        build(recipe, folder, console)
    return Environment(folder, built=True)


def build(recipe: Recipe, folder: Path, console: Console) -> None:
    started = time.monotonic()
    if folder.exists():
        console.detail("removing a half-made environment")
        shutil.rmtree(str(folder))
    environ = clean_environ()
    downloads = folder.with_name(folder.name + DOWNLOADS)
    environ["PIP_CACHE_DIR"] = environ["UV_CACHE_DIR"] = str(downloads)  # kept if interrupted, for the next try
    if recipe.uv:
        environ.update(pip_settings.for_uv(pip_settings.read(recipe.python.path)))
    _make_venv(recipe, folder, environ)
    fetched = _install(recipe, folder, environ, console)
    shutil.rmtree(str(downloads), ignore_errors=True)
    if recipe.below is not None:
        see_below(folder, recipe.below)
    console.detail("checking that it imports")
    stream([str(python_in(folder)), "-I", "-W", "ignore", "-c", recipe.check], environ=environ, on_line=_ignore)
    size = folder_size(folder)
    stamp = {
        "purpose": recipe.purpose,
        "python": recipe.python.path,
        "python_version": ".".join(map(str, recipe.python.version)),
        "torch_build": recipe.build.name,
        "bytes": size,
        "downloaded_mb": round(fetched),
        "seconds": round(time.monotonic() - started, 1),
    }
    write_stamp(folder, stamp)
    console.detail(f"{megabytes(size)} on disk")


def write_stamp(folder: Path, stamp: dict[str, object]) -> None:
    """Declare an environment complete."""
    temporary = folder / (STAMP + ".new")
    temporary.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    temporary.replace(folder / STAMP)


def clean_environ() -> dict[str, str]:
    """The user's environment without what would mislead a private Python."""
    environ = dict(os.environ)
    for name in (
        "PYTHONHOME",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_USER",
        "__PYVENV_LAUNCHER__",
    ):
        environ.pop(name, None)
    environ["PIP_USER"] = "0"
    return environ


def _make_venv(recipe: Recipe, folder: Path, environ: dict[str, str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if recipe.uv:
        argv = [recipe.uv, "venv", "--quiet", "--python", recipe.python.path, str(folder)]
    else:
        argv = [recipe.python.path, "-I", "-m", "venv", str(folder)]
    stream(argv, environ=environ, on_line=_ignore)


def _install(recipe: Recipe, folder: Path, environ: dict[str, str], console: Console) -> float:
    """Install the pins; returns the megabytes that were downloaded (pip tells them; 0 with uv)."""
    build = recipe.build
    special = [pin for pin in recipe.pins if pin.is_torch or pin.is_cuda_library] if build.index else []
    ordinary = lockfile.without(recipe.pins, special)
    downloads = Downloads(console)
    if special:
        versions = [
            f"{name}=={lockfile.version_of(recipe.pins, name, recipe.python.short)}+{build.local}"
            for name in ("torch", "torchvision")
        ]
        argv = [*_installer(recipe, folder), "--index-url", build.index]
        argv += ([] if build.needs_more else ["--no-deps"]) + versions
        stream(argv, environ=environ, on_line=downloads.line, heartbeat=downloads.alive)
    listing = folder / "requirements.txt"
    listing.write_text(lockfile.render(ordinary), encoding="utf-8")
    argv = [*_installer(recipe, folder), "--no-deps", "--require-hashes", "-r", str(listing)]
    stream(argv, environ=environ, on_line=downloads.line, heartbeat=downloads.alive)
    return downloads.megabytes


class Downloads:
    """What pip says about its downloads, told to a person: the large ones by name, and signs of life."""

    _LINE = re.compile(r"^\s*(Downloading|Using cached)\s+(\S+?)(?:\.metadata)?\s+\(([\d.]+) (MB|GB)\)")

    def __init__(self, console: Console) -> None:
        self.console = console
        self.megabytes = 0.0

    def line(self, text: str) -> None:
        match = self._LINE.match(text)
        if not match:
            return
        size = float(match.group(3)) * (1000 if match.group(4) == "GB" else 1)
        name = match.group(2).split("/")[-1].split("-")[0]
        if match.group(1) == "Downloading":
            self.megabytes += size
        if size >= 5:
            self.console.detail(f"{match.group(1).lower()} {name} ({size:.0f} MB)")

    def alive(self, seconds: float) -> None:
        fetched = f", {self.megabytes:.0f} MB downloaded" if self.megabytes else ""
        self.console.detail(f"... {duration(seconds)} so far{fetched}")


def _installer(recipe: Recipe, folder: Path) -> list[str]:
    python = str(python_in(folder))
    if recipe.uv:
        argv = [recipe.uv, "pip", "install", "--python", python]
    else:
        argv = [python, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        argv += ["--progress-bar", "off", "--no-warn-script-location"]
    if recipe.wheels is not None:
        argv += ["--no-index", "--find-links", str(recipe.wheels)]
    return argv


def see_below(folder: Path, below: Path) -> None:
    """Let the environment at `folder` see the packages of the one at `below` (its own come first)."""
    python = [str(python_in(folder)), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.check_output(python, timeout=ANSWER_S).decode().strip())
    bundled = ["setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth"]
    for shadow in [*(own / name for name in bundled), *own.glob("setuptools-*.dist-info")]:
        changes.remove(shadow)  # what venv brings would hide the pinned one
    python[0] = str(python_in(below))
    other = subprocess.check_output(python, timeout=ANSWER_S).decode().strip()
    (own / "_scumble_below.pth").write_text(f"import site; site.addsitedir({other!r})\n", encoding="utf-8")


def folder_size(folder: Path) -> int:
    """Bytes of the plain files below `folder`; links aren't followed."""
    total = 0
    for root, _, names in os.walk(str(folder)):
        for name in names:
            with contextlib.suppress(OSError):  # a file that goes while we look counts nothing
                total += (Path(root) / name).lstat().st_size
    return total


def prune(environments: Path, keep: list[Path], console: Console, *, days: float = 14.0) -> list[Path]:
    """Remove environments that nobody used for `days`, and half-made ones that nobody is making. Returns what went.

    keep: stays in any case, with the downloads for it.
    """
    gone: list[Path] = []
    if not environments.is_dir():
        return gone
    kept = {folder.name for folder in keep}
    limit = time.time() - days * 86400
    for folder in sorted(path for path in environments.iterdir() if path.is_dir()):
        name = folder.name[: -len(DOWNLOADS)] if folder.name.endswith(DOWNLOADS) else folder.name
        stamp = folder / STAMP
        if not stamp.is_file() and not _NAME.fullmatch(name):
            continue  # a folder that several programs share may hold anything
        if name in kept or (stamp.is_file() and stamp.stat().st_mtime > limit):
            continue
        if stamp.is_file():
            console.detail(f"removing {folder.name}, unused for {days:.0f} days")
            stamp.unlink()  # first, so that a half-removed one isn't trusted
        elif being_made(environments / name):
            continue
        else:
            console.detail(f"removing {folder.name}, left by an installation that didn't end")
        shutil.rmtree(str(folder), ignore_errors=True)
        gone.append(folder)
    return gone


def being_made(folder: Path) -> bool:
    """Whether another installer is at work on this environment right now."""
    try:
        with lock_file(folder).open("a+b") as handle:
            return not _try_lock(handle)
    except OSError:  # somebody else's shared folder: theirs to clean up
        return True


def lock_file(folder: Path) -> Path:
    """What an installer holds while it makes the environment at `folder`."""
    return folder.with_name(folder.name + ".lock")


def _ignore(line: str) -> None:
    del line
