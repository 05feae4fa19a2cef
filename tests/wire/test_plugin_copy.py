"""The copy that both plugins carry: standard library and msgpack's pure-Python files, nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgpack
from wire.small_backend import SmallBackend

import scumble_wire

PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from scumble_wire import codec
from scumble_wire.client import Client
from scumble_wire.messages import Copy, ImageInfo
assert codec.msgpack.__name__ == "scumble_wire._vendor.msgpack"
with Client.connect(name="copy", version="1", endpoint_file=Path({endpoint!r})) as client:
    number = client.submit(Copy(ImageInfo(640, 480)), [b"p" * (640 * 480 * 4)])
    events = []
    while not (events and events[-1].frames):
        events += client.poll(5.0)
    print(len(events[-1].frames[0]))
"""


def test_the_copy_talks_to_a_backend_without_any_installed_package(tmp_path: Path) -> None:
    own = tmp_path / "plugin" / "scumble_wire"
    shutil.copytree(Path(scumble_wire.__file__).parent, own, ignore=shutil.ignore_patterns("__pycache__"))
    vendored = own / "_vendor" / "msgpack"
    vendored.mkdir(parents=True)
    for file in Path(msgpack.__file__).parent.glob("*.py"):
        shutil.copy(file, vendored)
    with SmallBackend(tmp_path) as backend:
        program = PROGRAM.format(folder=str(tmp_path / "plugin"), endpoint=str(backend.file))
        # -I and -S: no installed packages, no environment.
        command = [sys.executable, "-I", "-S", "-W", "error", "-c", program]
        run = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (run.stdout.strip(), run.stderr) == (str(640 * 480 * 4), "")
