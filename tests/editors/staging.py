"""What the stages of both editors share: the real backend beside the tree, short folders, names of scenarios."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scumble_wire import endpoint
from scumble_wire.client import Client
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import Shutdown

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent


def scenario_names(file: str, prefix: str) -> list[str]:
    """Of the functions `<prefix><name>` of a scenario file beside this one, in their order."""
    lines = (HERE / file).read_text("utf-8").splitlines()
    return [line.removeprefix("def " + prefix).split("(")[0] for line in lines if line.startswith("def " + prefix)]


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder for a while; its path is short, for a socket's must fit into 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="scumble-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Backend:
    """The real backend outside of the tree. Its endpoint file is copied for programs of another pid namespace."""

    def __init__(self, folder: Path, start_s: float = 30.0) -> None:
        """start_s: how long a start may take, in seconds."""
        self.home, self._start_s = folder / "backend", start_s
        self.endpoint = folder / "endpoint.json"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        paths = [str(SOURCE / "backend"), str(SOURCE / "training")]
        environ = {
            **os.environ,
            "SCUMBLE_HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
            "SCUMBLE_LOSS_NETWORK": str(self.home.parent / "loss"),
        }
        environ.pop("SCUMBLE_ENDPOINT", None)
        self.home.mkdir(parents=True, exist_ok=True)
        written = self.home / "runtime" / "endpoint.json"
        written.unlink(missing_ok=True)  # a killed backend leaves it behind
        with (self.home / "output.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scumble_backend", "serve", "--device", "cpu"],
                env=environ,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + self._start_s
        while not written.exists():
            assert self._process.poll() is None, (self.home / "output.log").read_text("utf-8")
            assert time.monotonic() < end, "the backend did not write its endpoint file"
            time.sleep(0.05)
        # Inside the tree the backend's process number means nothing: say that it runs elsewhere.
        endpoint.write(dataclasses.replace(endpoint.read(written), host="outside"), self.endpoint)

    def client(self) -> Client:
        return Client.connect(name="test", version="0", endpoint_file=self.endpoint, timeout_s=10)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        with contextlib.suppress(ScumbleError), self.client() as client:
            client.request(Shutdown())
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
