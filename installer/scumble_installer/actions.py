"""The thin runner: carries out the steps of a plan. Each action is idempotent and says what it changed."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator

from . import backend_env, environment, lockfile, payload, service, try_it
from .changes import Changes
from .console import Console, megabytes
from .errors import InstallError
from .places import Places
from .plan import Plan, Step
from .pythons import Python
from .torch_builds import TorchBuild

KRITA_PLUGIN = "scumble_krita"
GIMP_PLUGIN = "scumble_gimp"


class Runner:
    """Carries out plans for one user's folders. `environment` is known after its step."""

    def __init__(self, places: Places, source: Path, console: Console, changes: Changes) -> None:
        self.places = places
        self.source = source
        self.console = console
        self.changes = changes
        self.environment: Path | None = None
        self.results: dict[str, Any] = {}
        self.base_python = ""

    def run(self, plan: Plan) -> None:
        """Every step in turn. Raises InstallError at the first that fails; starting again goes on from there."""
        for step in plan.steps:
            with self.console.step(step.title) as shown:
                shown.note = ACTIONS[step.kind](self, step.details)

    def version(self, details: dict[str, Any]) -> Path:
        return self.places.versions / str(details["version"])


def _environment(runner: Runner, details: dict[str, Any]) -> str:
    builds = [TorchBuild(**build) for build in details["builds"]]
    values = dict(details["python"])
    python = Python(**dict(values, version=tuple(values["version"])))
    pins = lockfile.read(runner.source / "constraints.txt")
    wheels = Path(details["offline"]) if details["offline"] else None
    folder, build = backend_env.make(runner.places, runner.console, python, builds, pins, details["uv"], wheels)
    runner.environment = folder
    runner.base_python = python.path
    runner.results["environment"] = str(folder)
    runner.results["torch_build"] = build.name
    size = environment.read_stamp(folder).get("bytes", 0)
    return f"{megabytes(float(str(size)))} on disk"


def _version(runner: Runner, details: dict[str, Any]) -> str:
    assert runner.environment is not None
    version = runner.version(details)
    made = payload.write(runner.source, version, runner.environment, runner.base_python, runner.console)
    return "" if made else "already there"


def _self_test(runner: Runner, details: dict[str, Any]) -> str:
    version = runner.version(details)
    passed = version / "self-test.json"
    if passed.exists():
        result = json.loads(passed.read_text(encoding="utf-8"))
    else:
        result = self_test(version, runner.source / try_it.SAMPLE)
        passed.write_text(json.dumps(result), encoding="utf-8")
    runner.results["self_test"] = result
    return f"{result['device']}, {result['seconds']:.2f} s"


def self_test(version: Path, photo: Path) -> dict[str, Any]:
    """Paint a picture with an installed version, in folders of its own. Raises InstallError."""
    with _temporary_home() as (folder, environ):
        backend = payload.command(version)
        environ["SCUMBLE_BACKEND"] = subprocess.list2cmdline(backend) if service.WINDOWS else service.shell(backend)
        return try_it.style(payload.scumble_command(version), environ, photo, folder / "self-test.png", try_it.PACK)


@contextlib.contextmanager
def _temporary_home() -> Iterator[tuple[Path, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="scumble-") as name:
        environ = environment.clean_environ()
        for variable in ("SCUMBLE_ENDPOINT", "SCUMBLE_BACKEND"):
            environ.pop(variable, None)
        environ["SCUMBLE_HOME"] = str(Path(name) / "home")
        yield Path(name), environ


def _activate(runner: Runner, details: dict[str, Any]) -> str:
    stop_backend(runner.places)
    extra = {
        "data": str(runner.places.data),
        "device": details["device"],
        "device_asked": details["device_asked"],
        "editors": details["editors"],
        "service": details["service"],
        "environment": runner.results.get("environment", ""),
        "torch_build": runner.results.get("torch_build", ""),
        "source": str(runner.source),
        "self_test": runner.results.get("self_test", {}),
    }
    content = payload.record(runner.version(details), extra)
    return "" if runner.changes.file(runner.places.install_file, content, 0o600) else "already so"


def stop_backend(places: Places) -> None:
    """Stop the backend that runs now, if one does, so that the next start uses what is installed then."""
    installed = read_install_file(places)
    command = installed.get("scumble") or installed.get("command")  # older versions had one for both
    if isinstance(command, list) and command and Path(command[0]).exists():
        with contextlib.suppress(OSError):  # a broken old one doesn't run, and can't be asked
            try_it.stop(command, environment.clean_environ())


def read_install_file(places: Places) -> dict[str, Any]:
    """What install.json says; empty when it is missing or damaged."""
    try:
        data = json.loads(places.install_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _launcher(runner: Runner, details: dict[str, Any]) -> str:
    system = details["system"]
    text = payload.launcher(runner.version(details), system)
    if system == "windows":
        path = runner.places.data / "bin" / "scumble.cmd"
    else:
        path = runner.places.programs / "scumble"
    changed = runner.changes.file(path, text.encode(), 0o755)
    found = shutil.which("scumble")
    hint = "" if found else f"; add {path.parent} to your PATH to use it"
    return (str(path) if changed else "already so") + hint


def _plugin(runner: Runner, details: dict[str, Any]) -> str:
    source = payload.built_plugin(runner.version(details), details["program"])
    changed = [target for target, origin in plugin_parts(details["program"], details["plugins"], source)
               if _put(runner.changes, target, origin)]  # fmt: skip
    return details["plugins"] if changed else "already so"


def plugin_parts(program: str, plugins: str, source: Path) -> list[tuple[Path, Path]]:
    """(place in the editor's folder, what belongs there) for each file or folder of a plugin."""
    folder = Path(plugins)
    if program == "gimp":
        return [(folder / GIMP_PLUGIN, source / GIMP_PLUGIN)]
    return [
        (folder / "pykrita" / KRITA_PLUGIN, source / "pykrita" / KRITA_PLUGIN),
        (folder / "pykrita" / (KRITA_PLUGIN + ".desktop"), source / "pykrita" / (KRITA_PLUGIN + ".desktop")),
        (folder / "actions" / (KRITA_PLUGIN + ".action"), source / "actions" / (KRITA_PLUGIN + ".action")),
    ]


def _put(changes: Changes, target: Path, origin: Path) -> bool:
    if origin.is_file():
        return changes.file(target, origin.read_bytes())
    if target.is_dir() and payload.tree_digest(target) == payload.tree_digest(origin) and _same_modes(target, origin):
        return False
    changes.tree(target, origin)
    return True


def _same_modes(one: Path, other: Path) -> bool:
    """Whether the same files are executable."""
    if service.WINDOWS:
        return True
    return all(
        (path.stat().st_mode ^ (one / path.relative_to(other)).stat().st_mode) & 0o100 == 0
        for path in other.rglob("*.py")
    )


def _krita_enable(runner: Runner, details: dict[str, Any]) -> str:
    changed = runner.changes.krita_plugin(Path(details["settings"]), KRITA_PLUGIN)
    if changed and is_running("krita"):
        runner.console.detail(
            "Krita is running and will overwrite this when it ends: close it and run this again, or tick Scumble "
            "in Settings > Configure Krita > Python Plugin Manager."
        )
    return details["settings"] if changed else "already so"


def is_running(program: str) -> bool:
    """Whether a program of this name runs; False where the system can't be asked."""
    if service.WINDOWS:
        argv = ["tasklist", "/FI", f"IMAGENAME eq {program}.exe", "/NH"]
    else:
        argv = ["pgrep", "-x", program]
    try:
        answer = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return f"{program}.exe".encode() in answer.stdout.lower() if service.WINDOWS else answer.returncode == 0


def _gimp_first_start(runner: Runner, details: dict[str, Any]) -> str:
    if Path(details["settings"]).exists():
        return "already so"
    if details["editor"] in ("flatpak", "snap"):
        argv = [*details["command"].split(), "--no-interface", "--quit"]
    else:
        argv = [details["command"], "--no-interface", "--quit"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):  # looked at by its result, below
        subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=180,
            check=False,
        )
    if not Path(details["settings"]).exists():
        raise InstallError(
            "GIMP didn't set itself up for this user.", "Start GIMP once, close it, and run the installer again."
        )
    return str(details["settings"])


def _service(runner: Runner, details: dict[str, Any]) -> str:
    return service.install(runner.changes, payload.command(runner.version(details)), details["system"])


ACTIONS: dict[str, Callable[[Runner, dict[str, Any]], str]] = {
    "environment": _environment,
    "version": _version,
    "self_test": _self_test,
    "activate": _activate,
    "launcher": _launcher,
    "plugin": _plugin,
    "krita_enable": _krita_enable,
    "gimp_first_start": _gimp_first_start,
    "service": _service,
}

__all__ = ["ACTIONS", "Runner", "Step", "plugin_parts", "read_install_file", "self_test", "stop_backend"]
