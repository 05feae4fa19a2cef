"""Start the backend from inside an editor: detached, in a clean environment, once even if two editors try.

The backend must outlive the editor that started it, and must not inherit what the editor (an AppImage, a Flatpak, a
bundled Python) has set up for itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from . import endpoint, folders, running
from .errors import BackendNotStarted, ConnectionFailed
from .locking import try_lock, unlock

T = TypeVar("T")

LOCK_NAME = "launch.lock"
LOG_NAME = "launch.log"  # what the backend prints before it has a log of its own
_LOG_LINES = 12
_PAUSE_S = 0.05

#: Set by editors for their own Python and loader; they would break another Python.
_EDITORS_OWN = (
    "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONUSERBASE", "PYTHONDONTWRITEBYTECODE",
    "PYTHONPLATLIBDIR", "PYTHONNOUSERSITE", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV", "APPIMAGE", "APPDIR", "ARGV0",
    "OWD",
)  # fmt: skip

_INSTALL = "Install Scumble with `python3 installer/install.py install`, or set SCUMBLE_BACKEND to its command."


@dataclass(frozen=True)
class LaunchCommand:
    """A command that runs the backend and stays: argv[0] is a program, no shell is involved."""

    argv: tuple[str, ...]


def find_command(environ: Mapping[str, str] = os.environ) -> LaunchCommand:
    """The backend that the installer recorded in install.json, or SCUMBLE_BACKEND, each followed by "serve".

    SCUMBLE_BACKEND is a command line: "/opt/scumble/bin/python -m scumble_backend". Raises BackendNotStarted.
    """
    if line := environ.get("SCUMBLE_BACKEND", "").strip():
        try:
            words = _split(line)
        except ValueError as error:  # a quote that isn't closed
            raise BackendNotStarted(
                f"SCUMBLE_BACKEND is not a command line ({error}): {line}",
                remedy="Correct that environment variable, or remove SCUMBLE_BACKEND to use the installed backend.",
            ) from error
        return LaunchCommand((*words, "serve"))
    record = folders.config_folder(environ) / "install.json"
    try:
        command = json.loads(record.read_text(encoding="utf-8"))["command"]
        if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
            raise ValueError("the command is not a list of words")
    except FileNotFoundError as error:
        raise BackendNotStarted("No Scumble backend is installed for this user.", remedy=_INSTALL) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BackendNotStarted(f"{record} can't be read: {error}.", remedy=f"Install again. {_INSTALL}") from error
    return LaunchCommand((*command, "serve"))


def launch_backend(
    command: LaunchCommand,
    folder: Path,
    probe: Callable[[], T],
    deadline: float,
    endpoint_file: Path | None = None,
) -> T:
    """Start the backend and wait until `probe` succeeds; returns what it returns.

    folder: private, for the lock and the log. probe: connects, or raises ConnectionFailed while nobody answers;
    other errors end the wait. deadline: by time.monotonic(). endpoint_file: told to the backend if given.
    Raises BackendNotStarted.
    """
    try:
        endpoint.make_private_folder(folder)
        with _locked(folder / LOCK_NAME, deadline) as alone:
            if not alone:
                raise BackendNotStarted(
                    "Another program has been starting the backend for too long.", remedy="Try again in a minute."
                )
            with contextlib.suppress(ConnectionFailed):
                return probe()  # another client was quicker
            log = folder / LOG_NAME
            return _await_answer(lambda: _spawn(command, log, endpoint_file), probe, deadline, folder)
    except OSError as error:
        raise BackendNotStarted(
            f"The backend can't be started: {folder} can't be used ({error.strerror or error}).",
            remedy=_folder_remedy(folder, error),
        ) from error


def _await_answer(
    spawn: Callable[[], subprocess.Popen[bytes]], probe: Callable[[], T], deadline: float, folder: Path
) -> T:
    log = folder / LOG_NAME
    process, again = spawn(), True
    in_the_way = False  # another backend, starting or leaving, may make ours leave
    while True:
        # Asked before the probe: a backend that finds another one running leaves, and that one answers.
        status, holder = process.poll(), running.backend_process(folder)
        in_the_way = in_the_way or holder not in (None, process.pid)
        try:
            return probe()
        except ConnectionFailed as error:
            failure = error
        if status is not None and holder is None:
            if not in_the_way or not again:
                raise BackendNotStarted(
                    f"The backend ended with status {status} while starting. It said: {_last_lines(log)}",
                    remedy=_remedy(log),
                ) from failure
            process, again = spawn(), False
        if time.monotonic() >= deadline:
            raise BackendNotStarted(
                f"The backend was started but doesn't answer: {failure.message} It said: {_last_lines(log)}",
                remedy=_remedy(log),
            ) from failure
        time.sleep(_PAUSE_S)


def _folder_remedy(folder: Path, error: OSError) -> str:
    if isinstance(error, PermissionError) and hasattr(os, "getuid"):
        return f"It must belong to you alone: `chmod 700 {folder}`, or remove it."
    return "Look whether the disk is full, or whether something is in the way of that folder."


#: Backends started by this process. Kept, so that Python reaps them and doesn't warn that they still run.
_started: list[subprocess.Popen[bytes]] = []


def _spawn(command: LaunchCommand, log: Path, endpoint_file: Path | None) -> subprocess.Popen[bytes]:
    _started[:] = [process for process in _started if process.poll() is None]
    environ = clean_environment(os.environ)
    if endpoint_file is not None:
        environ["SCUMBLE_ENDPOINT"] = str(endpoint_file)
    argv = list(command.argv)
    if folders.in_flatpak():
        argv = host_command(argv, environ)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environ,
                cwd=folders.home(),  # not the editor's folder: that may lie on a disk to be unmounted
                close_fds=True,
                **_detached(),
            )
        except (OSError, ValueError) as error:  # ValueError: a word holds a null byte
            raise BackendNotStarted(
                f"The backend can't be started: {argv[0]} can't be run ({error}).", remedy=_INSTALL
            ) from error
    _started.append(process)
    return process


def _detached() -> dict[str, Any]:
    if sys.platform == "win32":
        # A hidden console of its own: its children open no windows, and closing the editor's doesn't reach it.
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what an editor has set for itself.

    An AppImage or Snap puts its own folders into LD_LIBRARY_PATH, PATH, QT_PLUGIN_PATH and others: those entries go,
    the user's own stay. Outside of them LD_LIBRARY_PATH is left alone, as drivers may need it.
    """
    bundles = [environ[name].rstrip("/") for name in ("APPDIR", "SNAP") if environ.get(name, "").startswith("/")]
    cleaned = {}
    for name, value in environ.items():
        if name in _EDITORS_OWN:
            continue
        if any(bundle in value for bundle in bundles):
            kept = [entry for entry in value.split(os.pathsep) if not _inside(entry, bundles)]
            if not any(kept):
                continue
            value = os.pathsep.join(kept)
        cleaned[name] = value
    return cleaned


def _inside(entry: str, bundles: list[str]) -> bool:
    return any(entry == bundle or entry.startswith(f"{bundle}/") for bundle in bundles)


def host_command(argv: list[str], environ: Mapping[str, str]) -> list[str]:
    """The command that runs `argv` outside of a Flatpak. Our own variables go along; the rest is the host's."""
    if shutil.which("flatpak-spawn") is None:
        raise BackendNotStarted("This Flatpak can't start programs on the host.", remedy=_flatpak_remedy())
    ours = [f"--env={name}={value}" for name, value in sorted(environ.items()) if name.startswith("SCUMBLE_")]
    return ["flatpak-spawn", "--host", f"--directory={folders.home()}", *ours, *argv]


@contextlib.contextmanager
def _locked(path: Path, deadline: float) -> Iterator[bool]:
    """Hold the lock file; yields False if another process kept it past the deadline. A crash frees it."""
    with path.open("a+b") as file:
        while not (held := try_lock(file)) and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
        try:
            yield held
        finally:
            if held:
                unlock(file)


def _split(line: str) -> list[str]:
    if sys.platform != "win32":
        return shlex.split(line)
    return [word.strip('"') for word in shlex.split(line, posix=False)]  # backslashes are separators there


def _last_lines(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if lines:
            return "\n" + "\n".join(lines[-_LOG_LINES:]) + "\n"
    return "nothing."


def _remedy(log: Path) -> str:
    if folders.in_flatpak():
        return _flatpak_remedy()
    return f"Run `scumble serve` in a terminal to see more. The whole output is in {log}."


def _flatpak_remedy() -> str:
    app = os.environ.get("FLATPAK_ID", "APP")
    return (
        f"Allow it once with `flatpak override --user --talk-name=org.freedesktop.Flatpak {app}`, or start"
        " `scumble serve` yourself."
    )
