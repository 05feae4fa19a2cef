"""A batch whose processes are killed at random, again and again: nothing is lost, nothing is done twice.

Real processes: `scumble batch`, and the backend that paints for it. By hand, with a thousand pictures:
`SCUMBLE_BATCH_PICTURES=1000 SCUMBLE_BATCH_KILLS=40 python3 installer/install.py test
tests/batch/test_killed_workers.py -s`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch.conftest import Ran, picture

from scumble_backend.batch.journal import FOLDER
from scumble_backend.packs.store import Folders, PackStore
from scumble_wire import running

PICTURES = int(os.environ.get("SCUMBLE_BATCH_PICTURES", "24"))
KILLS = int(os.environ.get("SCUMBLE_BATCH_KILLS", "2"))
LIMIT_S = 300 + 60 * KILLS + PICTURES


def scumble(home: Path, *words: str) -> subprocess.Popen[bytes]:
    """The command in a process of its own; what it says goes into files: a pipe would fill up and hold it."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from scumble_cli.main import main; sys.exit(main())"
    environment = {**os.environ, "SCUMBLE_HOME": str(home)}
    for name in ("SCUMBLE_ENDPOINT", "SCUMBLE_BACKEND"):
        environment.pop(name, None)
    home.mkdir(exist_ok=True)
    with (home / "out.txt").open("wb") as out, (home / "err.txt").open("wb") as err:
        return subprocess.Popen([sys.executable, "-c", code, *words], env=environment, stdout=out, stderr=err)


def records(out: Path) -> list[dict[str, Any]]:
    """Every line that tells of a result; one that was cut off by a kill tells of none."""
    found = []
    for path in (out / FOLDER).glob("*.jsonl"):
        for line in path.read_text().splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            found += [told] if "output" in told else []
    return found


@pytest.mark.timeout(LIMIT_S + 60)
def test_killed_backends_and_batches_lose_nothing_and_do_nothing_twice(
    tmp_path: Path, batch: Callable[..., Ran], pack_files: Path
) -> None:
    for number in range(PICTURES):
        picture(tmp_path / f"in/{number:04}.png", seed=number)
    batch([tmp_path / "in"], tmp_path / "right", workers=2)
    home, out = tmp_path / "home", tmp_path / "out"
    PackStore(Folders(home / "data" / "packs")).install(pack_files / "wave.scumble")
    chance, killed, runs = random.Random(16), {"backend": 0, "batch": 0}, 0
    deadline = time.monotonic() + LIMIT_S
    words = ("batch", str(tmp_path / "in"), "-o", str(out), "--pack", "wave", "--json")
    try:
        while True:
            runs += 1
            process = scumble(home, *words)
            while process.poll() is None:
                assert time.monotonic() < deadline, f"{len(records(out))} of {PICTURES} after {LIMIT_S} s"
                done = len(records(out))
                due = sum(killed.values()) < KILLS and done >= PICTURES * (1 + sum(killed.values())) / (KILLS + 1)
                if due:
                    victim = "backend" if killed["backend"] <= killed["batch"] else "batch"
                    pid = running.backend_process(home / "runtime") if victim == "backend" else process.pid
                    if pid:  # 0 would be this test's own group
                        time.sleep(chance.random() * 0.05)
                        os.kill(pid, signal.SIGKILL)
                        killed[victim] += 1
                time.sleep(0.005)
            if process.returncode != -signal.SIGKILL:
                break
        assert process.returncode == 0, (home / "err.txt").read_text()
        report = json.loads((home / "out.txt").read_text())
    finally:
        scumble(home, "stop", "--force").wait(timeout=60)
    print(f"{PICTURES} pictures, {killed} killed, {runs} runs, {len(records(out))} results written")
    assert sum(killed.values()) == KILLS
    assert (report["failed"], report["not_begun"], report["done"] + report["done_before"]) == (0, 0, PICTURES)
    for number in range(PICTURES):
        name = f"{number:04}.png"
        assert (out / name).read_bytes() == (tmp_path / "right" / name).read_bytes()
    # A kill in the instant between a line and the name that it tells of has that one picture painted once more.
    assert PICTURES <= len(records(out)) <= PICTURES + killed["batch"]
    assert [path.name for path in out.iterdir() if ".part" in path.name] == []
