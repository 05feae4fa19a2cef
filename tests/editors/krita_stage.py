"""A real Krita in its own Debian tree, with the plugin imported into a profile, and the real backend beside it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from staging import HERE, SOURCE, Backend

PATIENCE_S = 1100.0  # all scenarios; on a busy machine one takes up to 90 s
CONFIG = "[python]\nenable_scumble_krita=true\nenable_scumble_driver=true\n"


def digest(folder: Path) -> str:
    """Of names and contents of all files."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


class Stage:
    """Runs a scenario file in Krita and does what it rings for."""

    def __init__(self, root: Path, folder: Path, backend: Backend, patience_s: float = PATIENCE_S) -> None:
        """patience_s: how long all scenarios of a run may take, in seconds."""
        self._patience_s = patience_s
        self.root, self.folder, self.backend = root, folder, backend
        self.profile = folder / "profile"
        self.waker = folder / "waker"
        self.log = folder / "krita.log"

    # --- the profile -----------------------------------------------------------------------------------

    def prepare(self) -> None:
        """A profile that Krita has started with once (its first start builds a database), and the plugin in it."""
        kept = self.root.with_name(self.root.name + "-profile")
        stamp = kept.with_name(kept.name + ".sha256")
        made_by = next(self.root.glob(".ready-*")).name
        if not (kept.is_dir() and stamp.is_file() and stamp.read_text() == f"{made_by} {digest(kept)}"):
            self._configure("")
            assert self._start({}, seconds=240, until_quiet=True) == 0, self.said()
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self.profile / ".local" / "share" / "krita", kept)
            stamp.write_text(f"{made_by} {digest(kept)}")
        resources = self.profile / ".local" / "share" / "krita"
        shutil.rmtree(resources, ignore_errors=True)
        shutil.copytree(kept, resources)
        self._configure(CONFIG)
        self._import_plugin(resources)
        shutil.copytree(HERE / "krita_driver", resources / "pykrita", dirs_exist_ok=True)

    def _configure(self, python: str) -> None:
        for name in (".config", ".local/share", "run"):
            (self.profile / name).mkdir(parents=True, exist_ok=True)
        (self.profile / "run").chmod(0o700)
        (self.profile / ".config" / "kritarc").write_text(python)

    def _import_plugin(self, resources: Path) -> None:
        """Build the zip with the build command and import it with Krita's own importer, as a user would."""
        command = [sys.executable, str(SOURCE / "plugin_krita" / "build.py"), str(self.folder)]
        built = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        importer = self.root / "usr" / "share" / "krita" / "pykrita" / "plugin_importer" / "plugin_importer.py"
        subprocess.run([sys.executable, str(importer), built, str(resources)], check=True, capture_output=True)

    # --- running ---------------------------------------------------------------------------------------

    def run(self, scenarios: Sequence[str] = (), *, extra: str = "", **environ: str) -> dict[str, dict[str, object]]:
        """Outcome of each scenario by name: {"ok", "error", "figures", "seconds"}. One not reached is missing.

        extra: source of more scenarios.
        """
        program, result = self.folder / "scenarios.py", self.folder / "result.json"
        program.write_text((HERE / "krita_scenarios.py").read_text("utf-8") + f"\n\n{extra}", "utf-8")
        result.unlink(missing_ok=True)
        self.waker.unlink(missing_ok=True)
        starter = self.folder / "start-backend.sh"
        starter.write_text(
            f'#!/bin/sh\necho "start the backend" >{self.waker}\n'
            f"while [ -e {self.waker} ]; do sleep .1; done\nsleep 600\n"
        )
        starter.chmod(0o755)
        inside = {
            "SCUMBLE_HOME": str(self.folder / "home-in-krita"),
            "SCUMBLE_ENDPOINT": str(self.backend.endpoint),
            "SCUMBLE_BACKEND": str(starter),
            "SCUMBLE_BELL": str(self.waker),
            "SCUMBLE_PACKS": str(self.folder / "packs"),
            "SCUMBLE_RECIPE": str(self.folder / "tiny.toml"),
            "SCUMBLE_SHOTS": str(self.folder / "shots"),
            "SCUMBLE_SCENARIO": str(program),
            "SCUMBLE_STEPS": ",".join(scenarios),
            "SCUMBLE_RESULT": str(result),
            **environ,
        }
        (self.folder / "shots").mkdir(exist_ok=True)
        self.status = self._start(inside, seconds=self._patience_s)
        outcomes: dict[str, dict[str, object]] = json.loads(result.read_text("utf-8")) if result.exists() else {}
        return outcomes

    def _start(self, environ: dict[str, str], seconds: float, until_quiet: bool = False) -> int:
        """Start Krita under a virtual screen and wait for its end; returns its exit status.

        until_quiet: it is a first start without a scenario; ask it to leave once its database is built.
        """
        assigned = [f"{name}={value}" for name, value in environ.items()]
        shared = {"HOME": str(self.profile), "XDG_RUNTIME_DIR": str(self.profile / "run"), "KRITA_LOG": str(self.log)}
        assigned += [f"{name}={value}" for name, value in shared.items()]
        assigned.append(f"KRITA_TIMEOUT={round(seconds)}")
        if until_quiet:
            assigned.append("KRITA_QUIT_AFTER=.local/share/krita/resourcecache.sqlite")
        command = ["bash", str(HERE / "in_root.sh"), str(self.root), str(self.folder), *assigned, "bash", "-s"]
        with (HERE / "krita_under_xvfb.sh").open("rb") as script:
            process = subprocess.Popen(command, stdin=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            end = time.monotonic() + seconds + 20
            try:
                while process.poll() is None and time.monotonic() < end:
                    self._listen()
                    time.sleep(0.05)
            finally:
                if process.poll() is None:
                    process.kill()
                process.communicate()
        return process.returncode

    def _listen(self) -> None:
        if not self.waker.exists():
            return
        wish = self.waker.read_text("utf-8").strip()
        if wish == "start the backend":
            self.backend.start()
        elif wish == "kill the backend":
            self.backend.kill()
            for stale in (self.backend.endpoint, self.backend.home / "runtime" / "endpoint.json"):
                stale.unlink(missing_ok=True)
        elif wish:
            raise AssertionError(f"a scenario rang for {wish!r}")
        if wish and self.waker.read_text("utf-8").strip() == wish:  # else the next wish came meanwhile
            self.waker.unlink()

    def said(self) -> str:
        lines = self.log.read_text("utf-8", errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(line for line in lines if "SyntaxWarning" not in line)[-3000:]


def write_tiny_training(folder: Path) -> None:
    """A recipe whose steps take milliseconds, and random loss networks for it."""
    from safetensors.torch import save_file

    place = importlib.util.spec_from_file_location("tiny_training", HERE.parent / "training" / "conftest.py")
    assert place is not None and place.loader is not None
    tiny = importlib.util.module_from_spec(place)
    place.loader.exec_module(tiny)
    recipe = tiny.TINY_TOML.format(trains="all", steps=24).replace('start = "base"', 'start = "scratch"')
    (folder / "tiny.toml").write_text(recipe)
    (folder / "loss").mkdir()
    for name in ("vgg16", "vgg19"):
        save_file(tiny.random_vgg(name), folder / "loss" / f"{name}.safetensors", {"architecture": name})


@contextlib.contextmanager
def staged(root: Path, folder: Path) -> Iterator[Stage]:
    """A stage with the tiny packs installed but for one that a scenario installs; no backend runs yet."""
    from tiny_packs import write_tiny_packs

    from scumble_backend.packs.store import Folders, PackStore

    write_tiny_training(folder)
    os.environ["SCUMBLE_LOSS_NETWORK"] = str(folder / "loss")  # for the backend, which takes over our environment
    backend = Backend(folder)
    store = PackStore(Folders(user=backend.home / "data" / "packs"))
    for name, path in write_tiny_packs(folder / "packs").items():
        if name != "tiny-ink":
            store.install(path)
    stage = Stage(root, folder, backend)
    stage.prepare()
    try:
        yield stage
    finally:
        backend.stop()
        del os.environ["SCUMBLE_LOSS_NETWORK"]
