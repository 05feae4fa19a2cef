"""The one seam between looking and the machine: files, variables and programs are asked through this."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

from .places import system_name


@dataclass
class Machine:
    """A machine to look at. Tests hand in one whose root is a folder and whose programs are recorded."""

    system: str
    home: Path
    environ: Mapping[str, str]
    root: Path = Path("/")

    def at(self, *parts: str) -> Path:
        """A place below the root of the file system."""
        return self.root.joinpath(*(part.lstrip("/") for part in parts))

    def which(self, program: str) -> str:
        """The program's path, or ""."""
        return shutil.which(program, path=self.environ.get("PATH")) or ""

    def run(self, argv: Sequence[str], timeout_s: float = 20.0) -> str:
        """What a program prints; "" when it isn't there, fails or takes too long."""
        try:
            done = subprocess.run(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=timeout_s,
                check=True,
                env=dict(self.environ),
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        return done.stdout.decode("utf-8", "replace")


def here() -> Machine:
    return Machine(system_name(sys.platform), Path.home(), os.environ)


def read_text(path: Path) -> str:
    """The file's text, or "" when it can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def system_version(machine: Machine) -> str:
    """The system in words, for people and bug reports."""
    if machine.system == "linux":
        for line in read_text(machine.at("etc", "os-release")).splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.split("=", 1)[1].strip("\"'")
        return "Linux " + platform.release()
    if machine.system == "macos":
        return "macOS " + platform.mac_ver()[0]
    return "Windows " + platform.version()
