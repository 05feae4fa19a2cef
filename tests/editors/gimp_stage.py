"""A real GIMP in its own Debian tree, with the plug-in built into a profile, and the real backend beside it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from staging import HERE, SOURCE, Backend

from scumble_wire.client import Client
from scumble_wire.messages import Cancel, JobInfo, Jobs, ListJobs

PATIENCE_S = 1300.0  # of which a calm machine needs a tenth

WAITED_FOR = ("see the training go on",)  # wishes whose scenario waits until the waker is gone

#: GIMP 3.0 says so of every dialog that belongs to no image.
KNOWN = "gimp_window_transient_on_mapped: assertion 'handle_size == sizeof (Window)' failed"

Outcomes = dict[str, dict[str, object]]


def build_plug_in(profile: Path) -> Path:
    """Build the plug-in into a GIMP profile, with the build command itself."""
    command = [sys.executable, str(SOURCE / "plugin_gimp" / "build.py"), str(profile / "plug-ins")]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def jobs_of(client: Client) -> list[JobInfo]:
    answer = client.request(ListJobs()).message
    assert isinstance(answer, Jobs)
    return [job for job in answer.jobs if job.state in ("waiting", "running", "paused")]


class Stage:
    """Runs scenario files in `gimp-console` of a tree, and does what they ring for."""

    def __init__(self, root: Path, folder: Path, backend: Backend, patience_s: float = PATIENCE_S) -> None:
        """patience_s: how long all scenarios of a run may take, in seconds."""
        self._patience_s = patience_s
        self.root, self.folder, self.backend = root, folder, backend
        self.profile = folder / "profile"
        self.waker = folder / "waker"
        self.complaints: list[str] = []  # what was not as it should be outside of GIMP
        self.failed_assertions: list[str] = []  # of GIMP and of the plug-in, as all logs tell them

    def command(self, environ: dict[str, str], words: Sequence[str]) -> list[str]:
        inside = {
            "GIMP3_DIRECTORY": str(self.profile),
            "SCUMBLE_ENDPOINT": str(self.backend.endpoint),
            "SCUMBLE_BELL": str(self.waker),
            "SCUMBLE_GUIDE": str(self.folder / "guide.md"),
            "SCUMBLE_RECIPE": str(self.folder / "tiny.toml"),
            "SCUMBLE_LONG_RECIPE": str(self.folder / "long.toml"),
            "SCUMBLE_PACK": str(self.folder / "packs" / "tiny-ink.scumble"),
            **environ,
        }
        assigned = [f"{name}={value}" for name, value in inside.items()]
        return ["bash", str(HERE / "in_root.sh"), str(self.root), str(self.folder), *assigned, *words]

    def run(self, scenarios: Sequence[str], *, extra: str = "", **environ: str) -> Outcomes:
        """Outcome of each scenario by name: {"error": "", "seconds": 0.2}, in `gimp-console`.

        extra: source of more scenarios.
        """
        program = self._program(["gimp_scenarios.py"], f"{extra}\n\nmain()\n")
        words = ["gimp-console", "-n", "-i", "--no-data", "--quit", *program]
        return self._run(words, scenarios, environ, b"")

    def run_with_windows(self, scenarios: Sequence[str], *, extra: str = "", **environ: str) -> Outcomes:
        """The same in GIMP with its windows, on a virtual screen; pictures go to `folder / "shots"`."""
        program = self._program(["gimp_scenarios.py", "gimp_window_scenarios.py"], f"{extra}\n\nmain()\nleave()\n")
        (self.folder / "shots").mkdir(exist_ok=True)
        environ = {
            "SCUMBLE_SHOTS": str(self.folder / "shots"),
            "GIMP_LOG": str(self.folder / "windows.log"),
            "GIMP_TIMEOUT": str(round(self._patience_s)),
        } | environ
        script = (HERE / "gimp_under_xvfb.sh").read_bytes()
        return self._run(["bash", "-s", "--", *program], scenarios, environ, script)

    def _program(self, parts: Sequence[str], end: str) -> list[str]:
        path = self.folder / "scenarios.py"
        path.write_text("\n\n".join((HERE / part).read_text("utf-8") for part in parts) + f"\n\n{end}", "utf-8")
        return ["--batch-interpreter=python-fu-eval", "-b", f"exec(open({str(path)!r}).read())"]

    def _run(
        self, words: Sequence[str], scenarios: Sequence[str], environ: dict[str, str], script: bytes
    ) -> Outcomes:
        result, log, given = self.folder / "result.json", self.folder / "gimp.log", self.folder / "input"
        result.unlink(missing_ok=True)
        self.waker.unlink(missing_ok=True)
        given.write_bytes(script)
        environ = {**environ, "SCUMBLE_RESULT": str(result), "SCUMBLE_SCENARIOS": ",".join(scenarios)}
        with log.open("wb") as told, given.open("rb") as source:
            command = self.command(environ, words)
            process = subprocess.Popen(command, stdin=source, stdout=told, stderr=subprocess.STDOUT)
            end = time.monotonic() + self._patience_s
            try:
                while process.poll() is None and time.monotonic() < end:
                    self._listen()
                    time.sleep(0.05)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
        for path in self._logs():
            lines = path.read_text("utf-8", errors="replace").splitlines()
            self.failed_assertions += [line for line in lines if "CRITICAL" in line and KNOWN not in line]
        outcomes: Outcomes = json.loads(result.read_text("utf-8")) if result.exists() else {}
        said = self.said()
        for name in scenarios:
            outcomes.setdefault(name, {"error": f"was not reached. GIMP said:\n{said}", "seconds": 0.0})
        return outcomes

    def said(self) -> str:
        """The end of what GIMP printed."""
        newest = max(self._logs(), key=lambda path: path.stat().st_mtime)
        return newest.read_text("utf-8", errors="replace")[-3000:]

    def _logs(self) -> list[Path]:
        return [path for path in (self.folder / "gimp.log", self.folder / "windows.log") if path.exists()]

    def _listen(self) -> None:
        wish = self.waker.read_text("utf-8") if self.waker.exists() else ""
        if not wish:
            return
        waited_for = wish in WAITED_FOR
        if not waited_for:
            self.waker.unlink()  # at once: the next scenario may ring before this wish is fulfilled
        try:
            self._do(wish)
        except AssertionError as error:
            self.complaints.append(f"{wish}: {error}")
        if waited_for:
            self.waker.unlink()

    def _do(self, wish: str) -> None:
        if wish in WAITED_FOR:
            self._see_training_go_on()
            return
        with self.backend.client() as client:
            job = self._running(client)
            if wish == "cancel":
                client.request(Cancel(job.job))
            elif wish == "end the plug-in":
                for process in self._plug_ins():
                    os.kill(process, signal.SIGKILL)
                self._wait_until_gone(client, job)
            elif wish == "kill the backend":
                self.backend.kill()

    def _see_training_go_on(self) -> None:
        """The plug-in that started it is gone; the job is there; then it is ended."""
        end = time.monotonic() + 15
        while self._plug_ins():
            assert time.monotonic() < end, "the plug-in did not leave"
            time.sleep(0.05)
        with self.backend.client() as client:
            trainings = [job for job in jobs_of(client) if job.kind == "train"]
            assert [job.title for job in trainings] == ["Goes On"], trainings
            client.request(Cancel(trainings[0].job))
            # Else a backend that the next scenario kills finds it half cancelled, and offers to go on with it.
            self._wait_until_gone(client, trainings[0], patience_s=60)

    def _running(self, client: Client) -> JobInfo:
        end = time.monotonic() + 15
        while time.monotonic() < end:
            for job in jobs_of(client):
                if job.state == "running" and job.kind == "stylize":
                    return job
            time.sleep(0.01)
        raise AssertionError("the job that was to be interrupted did not start, or was over too soon")

    def _wait_until_gone(self, client: Client, job: JobInfo, patience_s: float = 10) -> None:
        end = time.monotonic() + patience_s
        while any(other.job == job.job for other in jobs_of(client)):
            assert time.monotonic() < end, f"the job still stands in the list: {job}"
            time.sleep(0.05)

    def _plug_ins(self) -> list[int]:
        """Process numbers, as seen from outside, of the plug-ins that this stage's GIMP runs."""
        mark = str(self.profile / "plug-ins" / "scumble_gimp" / "scumble_gimp.py").encode()
        found = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if mark in place.read_bytes():
                    found.append(int(place.parent.name))
        return found


TINY_RECIPE = """
trains = "all"
start = "scratch"
seed = 1

[network]
width = 4
residual_blocks = 1

[data]
crop = 32
photo_side = 96
style_side = 48
canvases = 1.0

[optimizer]
steps = 8
batch = 2
warmup = 2

[[terms]]
network = "vgg19"
content = { relu2_1 = 1.0 }
style = { relu1_1 = 0.5, relu2_1 = 0.5 }
"""


def write_tiny_training(folder: Path) -> None:
    """A recipe of some quick steps, and the random loss network that it names."""
    import torch
    from safetensors.torch import save_file

    (folder / "tiny.toml").write_text(TINY_RECIPE, "utf-8")
    (folder / "long.toml").write_text(TINY_RECIPE.replace("steps = 8", "steps = 100000"), "utf-8")
    torch.manual_seed(3)
    sides = {0: (4, 3), 2: (4, 4), 5: (8, 4), 7: (8, 8), 10: (16, 8), 12: (16, 16), 14: (16, 16), 16: (16, 16)}
    state = {f"features.{index}.weight": torch.randn(*side, 3, 3) * 0.2 for index, side in sides.items()}
    state |= {f"features.{index}.bias": torch.zeros(side[0]) for index, side in sides.items()}
    (folder / "loss").mkdir()
    save_file(state, folder / "loss" / "vgg19.safetensors", {"architecture": "vgg19"})


@contextlib.contextmanager
def staged(root: Path, folder: Path) -> Iterator[Stage]:
    """A stage with the backend running and the tiny packs installed but for the one that a scenario installs."""
    from tiny_packs import write_tiny_packs

    from scumble_backend.packs.store import Folders, PackStore

    backend = Backend(folder)
    store = PackStore(Folders(user=backend.home / "data" / "packs"))
    for name, path in write_tiny_packs(folder / "packs").items():
        if name != "tiny-ink":
            store.install(path)
    build_plug_in(folder / "profile")
    (folder / "profile" / "gimprc").write_text("(show-welcome-dialog no)\n(check-updates no)\n", "utf-8")
    write_tiny_training(folder)
    shutil.copyfile(SOURCE / "docs" / "scripting.md", folder / "guide.md")
    backend.start()
    try:
        yield Stage(root, folder, backend)
    finally:
        backend.stop()
