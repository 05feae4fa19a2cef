"""The constraints files: pinned requirements with hashes, read without anything installed.

Each requirement is one logical line, `name==version ; marker \\` followed by its hashes. pip evaluates the markers;
this module only sorts the lines into what has to be installed together.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

from .errors import InstallError

#: Packages that come with PyTorch's CUDA build from the default index and have no place beside another build.
_CUDA_ONLY = ("nvidia-", "cuda-", "triton")
_TORCH = ("torch", "torchvision")


@dataclass(frozen=True)
class Pin:
    name: str
    version: str
    marker: str  # "" when it holds everywhere
    text: str  # as it stands in the file, hashes included

    @property
    def is_torch(self) -> bool:
        return self.name in _TORCH

    @property
    def is_cuda_library(self) -> bool:
        return self.name.startswith(_CUDA_ONLY)


def parse(text: str) -> list[Pin]:
    """Raises InstallError on a line that isn't a pin."""
    pins = []
    logical: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        logical.append(line)
        if line.rstrip().endswith("\\"):
            continue
        pins.append(_pin(logical))
        logical = []
    if logical:
        pins.append(_pin(logical))
    return pins


def _pin(lines: list[str]) -> Pin:
    head = lines[0].rstrip().rstrip("\\").split(" --hash", 1)[0]
    requirement, _, marker = head.partition(";")
    name, equals, version = requirement.strip().partition("==")
    if not equals or not version.strip():
        raise InstallError(
            "The constraints file has a line that pins nothing: " + lines[0].strip(),
            "Make it again, as CONTRIBUTING.md says.",
        )
    return Pin(name.strip().lower(), version.strip(), marker.strip(), "\n".join(lines))


def read(path: Path) -> list[Pin]:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InstallError(f"{path.name} is missing: this copy of Scumble isn't complete.", "Get it again.") from None


def without(pins: Iterable[Pin], taken: Iterable[Pin]) -> list[Pin]:
    """The pins of `pins` that aren't in `taken`: what a layer on top of another one has to install."""
    present = {(pin.name, pin.version, pin.marker) for pin in taken}
    return [pin for pin in pins if (pin.name, pin.version, pin.marker) not in present]


def version_of(pins: Iterable[Pin], name: str, python: str) -> str:
    """The version pinned for a Python ("3.12") among pins whose markers differ by Python version alone."""
    for pin in pins:
        if pin.name == name and _holds(pin.marker, python):
            return pin.version
    raise InstallError(f"The constraints file has no {name} for Python {python}.", "Use another Python.")


def for_python(pins: Iterable[Pin], python: str) -> list[Pin]:
    """The pins that count for a Python ("3.12"); markers about the system stay for pip to judge."""
    return [pin for pin in pins if _holds(pin.marker, python)]


def _holds(marker: str, python: str) -> bool:
    """Whether a marker such as `python_full_version < '3.11'` holds; terms about anything else count as true."""
    have = tuple(int(part) for part in python.split(".")[:2])
    for term in marker.replace("(", " ").replace(")", " ").split(" and "):
        words = term.split()
        if len(words) != 3 or not words[0].startswith("python_"):
            continue
        wanted = words[2].strip("'\"")
        bound = tuple(int(part) for part in wanted.replace(".*", "").split(".")[:2])
        if not {"<": have < bound, ">=": have >= bound, "==": have == bound, "!=": have != bound}.get(words[1], True):
            return False
    return True


def digest(pins: Iterable[Pin]) -> str:
    """A name for exactly this list: changes when a version, a marker or a hash does."""
    return hashlib.sha256("\n".join(sorted(pin.text for pin in pins)).encode()).hexdigest()


def render(pins: Iterable[Pin]) -> str:
    return "\n".join(pin.text for pin in pins) + "\n"
