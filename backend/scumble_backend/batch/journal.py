"""What a batch has done, kept in its output folder, so that it can be interrupted at any moment and go on.

The folder `.scumble-batch` holds one file for every process that wrote pictures, a line of JSON for each of them. The
line is written right before the finished file takes its name, and tells the file's size, time and hash: so a kill
between the two loses nothing and has nothing done twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from scumble_backend.errors import BatchBusy, from_os_error
from scumble_backend.files import make_folder
from scumble_wire.locking import try_lock

FOLDER = ".scumble-batch"
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.part\.[A-Za-z]+")  # see `files.temporary_beside`

#: What lies where a result is to go: nothing; what this batch made; that, but of another picture or an older version
#: of it; that, but with other options; something that no batch made, or that was changed since.
State = Literal["free", "done", "outdated", "other_options", "foreign"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One result. output: below the folder. `made_...` tells of the result, the rest of its picture's file."""

    output: str
    options: str  # key of a line that spells them out
    source: str
    page: int | None
    bytes: int
    mtime_ns: int
    sha256: str
    made_bytes: int
    made_mtime_ns: int
    made_sha256: str


class Journal:
    """The journal of one output folder. Safe for several threads."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._folder = out / FOLDER
        self._entries: dict[str, tuple[Entry, ...]] = {}  # the last two: a kill may have kept the older file
        self._options: dict[str, dict[str, Any]] = {}
        self._read_to: dict[str, int] = {}
        self._file: Path | None = None
        self._told: set[str] = set()
        self._lock = threading.Lock()

    # --- looking -----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read what was added since the last time, by whichever process. Raises FileTrouble."""
        with self._lock:
            try:
                names = sorted(path.name for path in self._folder.iterdir() if path.suffix == ".jsonl")
            except FileNotFoundError:
                return
            except OSError as error:
                raise from_os_error(error, self._folder, "read") from error
            for name in names:
                self._read(self._folder / name)

    def state(self, output: str, source: str, page: int | None, options: str) -> State:
        """What lies where a result is to go. Raises FileTrouble."""
        target = self._out / output
        try:
            there = target.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return "free"
        except OSError as error:
            raise from_os_error(error, target, "read") from error
        entry = self._entry(output, target, there)
        if entry is None:
            return "foreign"
        if entry.options != options:
            return "other_options"
        with contextlib.suppress(OSError):  # a picture that can't be read is told when it is its turn
            if entry.page == page and _is(
                Path(source), Path(source).stat(), entry.bytes, entry.mtime_ns, entry.sha256
            ):
                return "done"
        return "outdated"

    def options(self, output: str) -> dict[str, Any]:
        """With which options a result was made; {} where that isn't known."""
        entries = self._entries.get(output)
        return self._options.get(entries[-1].options, {}) if entries else {}

    def __len__(self) -> int:
        return len(self._entries)

    # --- writing -----------------------------------------------------------------------------------------

    def record(self, entry: Entry, options: dict[str, Any]) -> None:
        """Add a line. Raises DiskFull, FileTrouble."""
        with self._lock:
            if self._file is None:
                make_folder(self._folder)
                host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
                self._file = self._folder / f"{host}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
            lines = [asdict(entry)]
            if entry.options not in self._told:
                lines.insert(0, {"options": entry.options, "say": options})
            text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
            try:
                with self._file.open("ab") as stream:
                    stream.write(text.encode())
            except OSError as error:
                raise from_os_error(error, self._file) from error
            self._told.add(entry.options)
            self._options[entry.options] = options
            self._add(entry)

    def clear_leftovers(self) -> None:
        """Take away the half-written files of a batch that was killed. Only while the folder is `held`."""
        for here, folders, files in os.walk(self._out):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if _LEFTOVER.fullmatch(name):
                    with contextlib.suppress(OSError):
                        Path(here, name).unlink()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other batches out of the folder. Raises BatchBusy, FileTrouble."""
        make_folder(self._folder)
        path = self._folder / "lock"
        try:
            stream = path.open("a+b")
        except OSError as error:
            raise from_os_error(error, path) from error
        with stream:
            try:
                taken = try_lock(stream)
            except OSError:  # a network drive without locks
                taken = True
            if not taken:
                raise BatchBusy(
                    f"Another batch is writing into {self._out}.",
                    remedy="Wait for it to end, or choose another folder.",
                )
            yield

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as stream:
                stream.seek(self._read_to.get(path.name, 0))
                raw = stream.read()
        except OSError as error:
            raise from_os_error(error, path, "read") from error
        whole = raw[: raw.rfind(b"\n") + 1]  # a last line without an end was cut off by a kill
        self._read_to[path.name] = self._read_to.get(path.name, 0) + len(whole)
        for line in whole.splitlines():
            try:
                told = json.loads(line)
                if "say" in told:
                    self._options[told["options"]] = told["say"]
                    continue
                entry = Entry(**told)
            except (ValueError, TypeError, KeyError):
                continue  # a damaged line: its picture counts as one that no batch made
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        self._entries[entry.output] = (*self._entries.get(entry.output, ()), entry)[-2:]

    def _entry(self, output: str, target: Path, there: os.stat_result) -> Entry | None:
        for entry in reversed(self._entries.get(output, ())):
            if _is(target, there, entry.made_bytes, entry.made_mtime_ns, entry.made_sha256):
                return entry
        return None


def key_of(options: dict[str, Any]) -> str:
    """A short name for a set of options."""
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]


def sha256_of(path: Path) -> str:
    """The first half of a file's hash, in hex. Raises OSError."""
    with path.open("rb") as stream:
        found = hashlib.sha256()
        while piece := stream.read(1 << 20):
            found.update(piece)
        return found.hexdigest()[:32]


def _is(path: Path, now: os.stat_result, size: int, mtime_ns: int, sha256: str) -> bool:
    """Whether a file is the one that was recorded: by size and time; where only the time differs, by its hash."""
    if now.st_size != size:
        return False
    return now.st_mtime_ns == mtime_ns or sha256_of(path) == sha256
