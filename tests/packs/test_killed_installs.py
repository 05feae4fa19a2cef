"""Installations that die: the process is really killed, really out of room, really without permission.

One helper process loads everything and forks a child for each case, so that a case costs milliseconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

HARNESS = r"""
import json, os, resource, signal, sys, traceback
from pathlib import Path
from scumble_backend import files
from scumble_backend.packs import making
from scumble_backend.packs.store import Folders, PackStore

place, old, new, others = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), [Path(p) for p in sys.argv[4:]]

def store(name):
    return PackStore(Folders(place / name))

def child(act):
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException as error:
            print(json.dumps({"error": getattr(error, "code", repr(error))}), flush=True)
            if not hasattr(error, "code"):
                traceback.print_exc()
            os._exit(3)
        os._exit(0)
    return pid

def wait(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def state(name):
    fresh = store(name)
    pack = fresh.get("great-wave")
    making.load_style(pack), making.load_network(fresh, pack)
    return {"version": pack.manifest.version, "problems": len(fresh.problems())}

store("warm-up").install(old)  # every lazy import happens here

def die_at(moment, count):
    def act():
        seen = 0
        def bomb(*args, **kwargs):
            nonlocal seen
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)
        if moment == "fsync":
            original, files.os.fsync = files.os.fsync, bomb
        elif moment == "rename":
            original = Path.replace
            Path.replace = lambda self, target: bomb(self, target)
        else:
            import scumble_backend.packs.store as s
            original, s.write_archive = s.write_archive, bomb
        store(f"{moment}-{count}").install(new)
    return act

report = {"killed": [], "full": [], "together": [], "readonly": []}
for moment in ("archive", "fsync", "rename"):
    for count in range(1, 9):
        name = f"{moment}-{count}"
        store(name).install(old)
        code = wait(child(die_at(moment, count)))
        after = state(name)
        store(name).install(new)
        leftovers = [p.name for p in (place / name).rglob(".*.part")]
        then = state(name)["version"]
        report["killed"].append({"case": name, "code": code, **after, "then": then, "left": leftovers})
        if code == 0:
            break

for limit in (1, 1000, 2000):
    name = f"full-{limit}"
    store(name).install(old)
    def act():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        store(name).install(new)
    read, write = os.pipe()
    def reporting():
        try:
            act()
        except Exception as error:
            os.write(write, getattr(error, "code", repr(error)).encode())
            os._exit(3)
        os._exit(0)
    code = wait(child(reporting))
    os.close(write)
    report["full"].append({"limit": limit, "code": code, "error": os.read(read, 1000).decode(), **state(name)})

name = "together"
children = [child(lambda path=path: store(name).install(path)) for path in [*others, new, new, old]]
codes = [wait(pid) for pid in children]
index = json.loads((place / name / "index.json").read_bytes())
report["together"] = {"codes": codes, "ids": sorted(p.id for p in store(name).list()), "index": len(index["packs"]),
    "problems": len(store(name).problems()), "bases": len(list((place / name / "bases").iterdir()))}

name = "readonly"
store(name).install(old)
read, write = os.pipe()
def readonly():
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    for ask in (lambda: store(name).install(new), lambda: store(name).remove("great-wave")):
        try:
            ask()
        except Exception as error:
            os.write(write, (getattr(error, "code", repr(error)) + " ").encode())
            os.write(write, (str(len(store(name).list())) + " ").encode())
for folder in [place / name, place / name / "bases"]:
    folder.chmod(0o555)
(place / name / ".lock").chmod(0o444)
code = wait(child(readonly))
os.close(write)
for folder in [place / name, place / name / "bases"]:
    folder.chmod(0o755)
report["readonly"] = {"code": code, "told": os.read(read, 1000).decode().split(), **state(name)}
print("REPORT" + json.dumps(report))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict:
    import shutil
    import tempfile

    from packs_factory import Factory

    # not below pytest's own folder, which only its owner may enter: one case runs as another user
    place = Path(tempfile.mkdtemp(prefix="scumble-test-"))
    place.chmod(0o755)
    made = place / "made"
    made.mkdir()
    factory = Factory(made)
    old = factory.affine(name="old", version="1.0.0")
    new = factory.affine(name="new", version="2.0.0", seed=9)
    others = [factory.affine(f"other-{n}", seed=n) for n in range(4)]
    backend = Path(__file__).parents[2] / "backend"
    try:
        done = subprocess.run(
            [sys.executable, "-c", HARNESS, place, old, new, *others],
            env={**os.environ, "PYTHONPATH": str(backend), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=100,
        )
    finally:
        shutil.rmtree(place)
    line = next((line for line in done.stdout.splitlines() if line.startswith("REPORT")), None)
    assert line is not None, done.stdout + done.stderr
    return json.loads(line.removeprefix("REPORT"))


def test_a_kill_at_any_step_leaves_the_old_pack_or_the_new(report):
    killed = [case for case in report["killed"] if case["code"] == -9]
    assert len(killed) >= 7
    for case in report["killed"]:
        assert case["version"] in ("1.0.0", "2.0.0"), case
        assert case["problems"] == 0, case
        if case["code"] == 0:
            assert case["version"] == "2.0.0", case
    assert {case["version"] for case in killed} == {"1.0.0", "2.0.0"}, "kills before and after the rename were tried"


def test_after_a_kill_installing_again_works_and_cleans_up(report):
    for case in report["killed"]:
        assert case["then"] == "2.0.0", case
        assert case["left"] == [], case


def test_no_room_for_the_file_leaves_the_old_pack(report):
    """The system itself refuses to let files grow past a limit, as a full disk does."""
    for case in report["full"]:
        assert case["code"] == 3, case
        assert case["error"] == "disk_full", case
        assert case["version"] == "1.0.0", case


def test_installs_by_many_processes_at_once_all_arrive(report):
    together = report["together"]
    assert together["codes"] == [0] * 7
    assert together["ids"] == ["great-wave", "other-0", "other-1", "other-2", "other-3"]
    assert (together["index"], together["problems"], together["bases"]) == (5, 0, 1)


def test_a_user_who_may_not_write_the_folder_is_told_and_can_still_read(report):
    """As root the helper becomes another user first, so the refusal is the system's."""
    assert report["readonly"]["told"] == ["file_trouble", "1", "file_trouble", "1"]
    assert report["readonly"]["version"] == "1.0.0"
