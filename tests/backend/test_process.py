"""The backend as a process of its own, as editors start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scumble_wire import endpoint, launch
from scumble_wire.client import Client
from scumble_wire.errors import ConnectionFailed
from scumble_wire.launch import LaunchCommand
from scumble_wire.messages import GetStatus, ListPacks, Packs, Status

PATHS = [str(Path(__file__).parents[2] / room) for room in ("backend", "training", "cli")]

Spawn = Callable[..., "subprocess.Popen[str]"]


def command(*more: str, module: str = "scumble_backend.__main__") -> LaunchCommand:
    code = f"import sys; sys.path[:0] = {PATHS!r}; from {module} import main; sys.exit(main())"
    return LaunchCommand((sys.executable, "-c", code, *more))


def scumble(*words: str) -> subprocess.CompletedProcess[str]:
    """The `scumble` command."""
    argv = command(*words, module="scumble_cli.main").argv
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SCUMBLE_ENDPOINT", raising=False)
    return tmp_path / "home"


@pytest.fixture
def spawn(home: Path) -> Iterator[Spawn]:
    children: list[subprocess.Popen[str]] = []

    def begin(*more: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            command("serve", *more).argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        if child.poll() is None:
            child.kill()
        child.communicate()


def greet(home: Path, timeout_s: float = 10.0) -> Client:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return Client.connect(name="test", version="1", endpoint_file=home / "runtime" / "endpoint.json")
        except ConnectionFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_hello_is_answered_within_a_second_of_the_process_start(home: Path, spawn: Spawn) -> None:
    """On a machine that is busy with other things, by the process's own work; loading torch alone takes longer."""
    waited, worked = [], []
    for _ in range(2):
        began = time.monotonic()
        child = spawn("--device", "cpu")
        with greet(home, 30.0):
            waited.append(time.monotonic() - began)
            worked.append(cpu_seconds(child.pid))
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        if waited[-1] < 1.0:
            break
    assert min(waited) < 1.0 or min(worked) < 0.8  # importing torch alone is 1.2 s of work and more


def test_the_way_to_hello_loads_no_torch(home: Path) -> None:
    code = (
        f"import sys; sys.path[:0] = {PATHS!r}; import scumble_backend.__main__;"
        "import scumble_backend.serving.server;"
        "print([name for name in ('torch', 'numpy', 'PIL', 'typer', 'rich') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_sigterm_leaves_nothing_behind_but_the_log(home: Path, spawn: Spawn) -> None:
    child = spawn()
    with greet(home) as client:
        status = client.request(GetStatus()).message
        assert isinstance(status, Status)
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    assert sorted(path.name for path in (home / "runtime").iterdir()) == ["backend.lock"]
    log = Path(status.log_file).read_text(encoding="utf-8")
    assert "Serving at" in log and "Gone." in log


def test_a_second_backend_says_so_and_leaves(home: Path, spawn: Spawn) -> None:
    spawn()
    with greet(home) as client:
        second = spawn()
        out, _ = second.communicate(timeout=20)
        assert second.returncode == 1
        assert "runs already" in out and "scumble stop" in out and "Traceback" not in out
        assert isinstance(client.request(GetStatus()).message, Status)


def test_a_killed_backends_endpoint_file_is_seen_through_and_replaced(home: Path, spawn: Spawn) -> None:
    first = spawn()
    greet(home).close()
    first.kill()
    first.wait()
    file = home / "runtime" / "endpoint.json"
    old = endpoint.read(file)
    with pytest.raises(ConnectionFailed) as failed:
        Client.connect(name="test", version="1", endpoint_file=file)
    assert "gone" in failed.value.message and failed.value.remedy
    spawn()
    deadline = time.monotonic() + 10
    while endpoint.read(file).secret == old.secret and time.monotonic() < deadline:
        time.sleep(0.02)
    with greet(home) as client:
        assert isinstance(client.request(ListPacks()).message, Packs)
    assert len(list((home / "runtime").glob("*.sock"))) == 1, "the old socket is cleared away"


def test_a_client_launches_the_backend_and_it_outlives_the_client(home: Path) -> None:
    with Client.connect(name="one", version="1", launch=command("serve")) as client:
        pid = client.welcome.pid
    with Client.connect(name="two", version="1") as client:
        assert client.welcome.pid == pid
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while (home / "runtime" / "endpoint.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not (home / "runtime" / "endpoint.json").exists()
    for process in launch._started:
        process.wait(20)


def test_damaged_settings_are_told_in_the_log_and_do_not_stop_the_backend(home: Path, spawn: Spawn) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "settings.json").write_text('{"device": 5}')
    spawn()
    with greet(home) as client:
        status = client.request(GetStatus()).message
    assert isinstance(status, Status) and status.device_setting == "auto"
    assert "The default settings are used" in (home / "logs" / "backend.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [["serve", "--nonsense"], ["nonsense"]])
def test_wrong_usage_ends_with_2(home: Path, words: list[str]) -> None:
    done = subprocess.run(command(*words).argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and done.stderr


def test_commands_without_a_backend_tell_the_remedy(home: Path) -> None:
    done = scumble("status")
    assert done.returncode == 1 and "scumble serve" in done.stderr and "Traceback" not in done.stderr
    done = scumble("stop")
    assert (done.returncode, done.stdout.strip()) == (0, "No backend was running.")


def test_serve_status_jobs_and_stop_work_together(home: Path) -> None:
    started = scumble("serve", "--device", "cpu")
    assert started.returncode == 0, started.stderr
    try:
        again = scumble("serve")
        assert again.returncode == 1 and "runs already" in again.stderr
        status = json.loads(scumble("status", "--json").stdout)
        assert status["device_setting"] == "cpu"
        assert str(status["pid"]) in scumble("status").stdout
        assert json.loads(scumble("jobs", "--json").stdout) == []
        unknown = scumble("jobs", "--cancel", "nope")
        assert unknown.returncode == 1 and "no job" in unknown.stderr
    finally:
        stopped = scumble("stop")
    assert (stopped.returncode, stopped.stdout.strip()) == (0, "The backend has stopped.")
