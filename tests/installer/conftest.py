"""Recorded machines, and a machine whose file system is a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scumble_installer import facts
from scumble_installer.machine import Machine

MACHINES = Path(__file__).parent / "machines"


@pytest.fixture
def recorded() -> Callable[[str], facts.Facts]:
    """The facts of a machine, by the name of its file."""
    return lambda name: facts.from_json(json.loads((MACHINES / f"{name}.json").read_text("utf-8")))


class FolderMachine(Machine):
    """A machine whose root is a folder and whose programs answer from a table: {"nvidia-smi": "..."}."""

    def __init__(
        self, system: str, root: Path, answers: dict[str, str], environ: dict[str, str] | None = None
    ) -> None:
        super().__init__(system, root / "home", environ or {}, root)
        self.answers = answers
        self.asked: list[list[str]] = []

    def which(self, program: str) -> str:
        return f"/usr/bin/{program}" if program in self.answers else ""

    def run(self, argv: object, timeout_s: float = 20.0) -> str:
        assert isinstance(argv, list)
        self.asked.append(argv)
        return self.answers.get(Path(argv[0]).name, "")


@pytest.fixture
def folder_machine(tmp_path: Path) -> Callable[..., FolderMachine]:
    (tmp_path / "home").mkdir()
    return lambda system="linux", answers=None, environ=None: FolderMachine(
        system, tmp_path, answers or {}, environ or {}
    )


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
