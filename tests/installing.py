"""Installing for real in tests: a small copy of the checkout, a clean home, the environment that the gate made."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from scumble_backend.nets.style import StyleNetwork, StyleNetworkConfig, initialize
from scumble_backend.packs.archive import write_pack
from scumble_backend.packs.making import network_weights, style_architecture
from scumble_backend.packs.manifest import Manifest, Painting
from scumble_installer import backend_env, checkout, lockfile, places, pythons, torch_builds
from scumble_installer.bundle import KIT_PARTS

ROOT = Path(__file__).resolve().parents[1]


def shared_environments() -> Path:
    """The folder with the backend's environment. The gate always has one; skips where tests run otherwise without."""
    here = places.this_machine()
    python = pythons.choose(pythons.find(), "")
    pins = lockfile.read(ROOT / "constraints.txt")
    builds = list(torch_builds.choose(checkout.gpu_facts(python)).builds)
    if backend_env.complete(here, pins, python, builds) is None:
        pytest.skip("the private environment isn't there; `installer/install.py test` makes it")
    return here.environments


def copy_of_the_checkout(folder: Path) -> Path:
    """What an offline kit has of the checkout, with one tiny pack that paints quickly in place of the real ones."""
    for part in KIT_PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "starter_packs")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / part, folder / part)
    tiny_pack(folder / "backend" / "starter_packs", "great-wave")
    return folder


def tiny_pack(folder: Path, name: str) -> Path:
    network = StyleNetwork(StyleNetworkConfig(width=2, residual_blocks=1))
    initialize(network, torch.Generator().manual_seed(1))
    manifest = Manifest(
        id=name,
        title="Great Wave",
        kind="network",
        architecture=style_architecture(network),
        license="CC0-1.0",
        painting=Painting("The Great Wave off Kanagawa", "Hokusai", "1831", "public domain"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.scumble"
    write_pack(path, manifest, {"weights.safetensors": network_weights(manifest, network, network.plain_table())})
    return path


class Home:
    """A clean home folder, programs of its own on the PATH, and the installer run in it."""

    def __init__(self, folder: Path, environments: Path) -> None:
        self.folder = folder / "home"
        self.programs = folder / "programs"
        self.environments = environments
        self.folder.mkdir()
        self.programs.mkdir()

    def program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o755)

    @property
    def environ(self) -> dict[str, str]:
        dropped = ("SCUMBLE", "XDG", "PYTEST", "PYTHON", "PIP_NO_INDEX")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        return {
            **kept,
            "HOME": str(self.folder),
            "PATH": os.pathsep.join([str(self.programs), kept["PATH"]]),
            "SCUMBLE_ENVIRONMENTS": str(self.environments),
            "XDG_RUNTIME_DIR": str(self.folder / ".run"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }

    def installer(self, source: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(source, *words),
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    @staticmethod
    def command(source: Path, *words: str) -> list[str]:
        return [sys.executable, str(source / "installer" / "install.py"), *words]

    def snapshot(self) -> Mapping[str, object]:
        """Everything in the home: kind, permissions and content of each file and folder."""
        found: dict[str, object] = {}
        for path in sorted(self.folder.rglob("*")):
            state = path.lstat()
            content: object = path.read_bytes() if stat.S_ISREG(state.st_mode) else stat.S_IFMT(state.st_mode)
            found[path.relative_to(self.folder).as_posix()] = (oct(state.st_mode), content)
        return found
