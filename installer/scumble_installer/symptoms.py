"""What the doctor looks at: the state of an installation as plain data. Looks only; changes nothing."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import actions, detect, environment, payload, plan, service, try_it
from .facts import Editor, Facts
from .krita_settings import is_enabled
from .machine import read_text
from .places import APP, Places

_PROBE = """
import json, warnings
warnings.simplefilter("ignore")
import torch, torchvision, zmq, msgpack, safetensors
import scumble_backend, scumble_wire
devices = ["cpu"]
if torch.cuda.is_available(): devices.append("cuda")
if torch.backends.mps.is_available(): devices.append("mps")
if hasattr(torch, "xpu") and torch.xpu.is_available(): devices.append("xpu")
print(json.dumps(devices))
"""


@dataclass(frozen=True)
class PluginState:
    """The plugin in one editor's folder."""

    title: str  # of the editor
    there: bool
    current: bool = True  # the same files as the installed version's
    executable: bool = True
    enabled: bool = True
    elsewhere: str = ""  # it isn't here but lies in the folder of another version of the same editor


@dataclass(frozen=True)
class Observed:
    free_mb: int
    installed: bool  # install.json can be read
    never_installed: bool = False  # and there is no version either
    version_folder: str = ""
    version_complete: bool = False
    environment: str = ""
    device: str = "cpu"  # what it was installed for
    device_asked: str = "auto"
    import_error: str = ""
    torch_devices: tuple[str, ...] = ()
    packs_error: str = ""
    damaged_packs: tuple[str, ...] = ()  # files of packs that the user installed, each with what is wrong with it
    plugins: tuple[PluginState, ...] = ()
    launcher_missing: bool = False
    service_outdated: bool = False
    runtime_folder: str = ""
    runtime_problem: str = ""
    loopback_error: str = ""
    stale_endpoint: str = ""
    leftovers: tuple[str, ...] = ()
    misleading: tuple[tuple[str, str], ...] = ()  # (environment variable, what is wrong with what it says)
    service_missing: tuple[str, ...] = ()  # editors in a sandbox that can't start the backend, and nothing else does


def observe(here: Places, facts: Facts) -> Observed:
    recorded = actions.read_install_file(here)
    command = recorded.get("command")
    installed = isinstance(command, list) and bool(command)
    version = here.versions / str(recorded.get("version", "")) if installed else None
    complete = version is not None and environment.is_complete(version)
    import_error, packs_error = "", ""
    devices: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    if complete and version is not None:
        import_error, devices = probe(version)
        if not import_error:
            packs_error, damaged = packs_problems(version)
    runtime = runtime_folder(here)
    return Observed(
        free_mb=detect.free_mb(here.data),
        installed=installed,
        never_installed=not installed and not here.versions.is_dir(),
        version_folder=str(version or ""),
        version_complete=complete,
        environment="" if here.shared_environments else str(recorded.get("environment", "")),
        device=str(recorded.get("device", "cpu")),
        device_asked=str(recorded.get("device_asked", "auto")),
        import_error=import_error,
        torch_devices=devices,
        packs_error=packs_error,
        damaged_packs=damaged,
        plugins=tuple(plugin_states(here, facts, version)) if complete and version is not None else (),
        launcher_missing=version is not None and _launcher_missing(here, facts, version),
        service_outdated=version is not None and _service_outdated(version),
        runtime_folder=str(runtime),
        runtime_problem=runtime_problem(runtime),
        loopback_error=loopback_error(),
        stale_endpoint=stale_endpoint(runtime),
        leftovers=tuple(leftovers(here)),
        misleading=tuple(misleading_variables(dict(os.environ))),
        service_missing=tuple(_service_missing(facts)) if installed else (),
    )


def probe(version: Path) -> tuple[str, tuple[str, ...]]:
    """(what goes wrong when everything is imported, or "", the devices that PyTorch sees)."""
    argv = [str(environment.python_in(version)), "-I", "-c", _PROBE]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=180, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error), ()
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return (lines[-1] if lines else f"status {done.returncode}"), ()
    return "", tuple(json.loads(done.stdout.decode()))


def packs_problems(version: Path) -> tuple[str, tuple[str, ...]]:
    """(what is wrong with the packs that ship, or "", the user's own that are damaged), asked from the command."""
    argv = [*payload.scumble_command(version), "packs", "list", "--json"]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
        said = done.stderr.decode("utf-8", "replace").strip()
        if done.returncode:
            return said or f"status {done.returncode}", ()
        listed = {pack["id"] for pack in json.loads(done.stdout.decode())}
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        return str(error), ()
    return judge_packs(version, listed, said.splitlines())


def judge_packs(version: Path, listed: set[str], lines: list[str]) -> tuple[str, tuple[str, ...]]:
    """What `packs_problems` returns. listed: ids that can be used. lines: "PATH: what is wrong" of other files."""
    ours = [line for line in lines if line.startswith(str(version))]
    theirs = tuple(line for line in lines if line not in ours and ".scumble: " in line)
    if try_it.PACK not in listed and not ours:
        ours = [f"{try_it.PACK} is missing"]
    return "; ".join(ours), theirs


def plugin_states(here: Places, facts: Facts, version: Path) -> list[PluginState]:
    """For each folder of an editor that Scumble supports."""
    states = []
    seen = set()
    for editor in facts.editors:
        if editor.plugins in seen or plan.too_old(editor):
            continue
        seen.add(editor.plugins)
        states.append(_plugin_state(editor, version))
    return states


def _plugin_state(editor: Editor, version: Path) -> PluginState:
    source = payload.built_plugin(version, editor.program)
    parts = actions.plugin_parts(editor.program, editor.plugins, source)
    there = parts[0][0].is_dir()
    if not there:
        return PluginState(editor.title, False, elsewhere=_elsewhere(editor))
    current = all(
        target.exists() and payload.tree_digest(target) == payload.tree_digest(origin) for target, origin in parts
    )
    script = parts[0][0] / (actions.GIMP_PLUGIN + ".py")
    executable = editor.program != "gimp" or service.WINDOWS or bool(script.stat().st_mode & stat.S_IXUSR)
    enabled = editor.program != "krita" or is_enabled(read_text(Path(editor.settings)), actions.KRITA_PLUGIN) is True
    return PluginState(editor.title, True, current, executable, enabled)


def _elsewhere(editor: Editor) -> str:
    """Another settings folder of GIMP's that has the plugin: GIMP was updated since."""
    if editor.program != "gimp":
        return ""
    found = sorted(Path(editor.settings).parent.glob("*/plug-ins/" + actions.GIMP_PLUGIN))
    return str(found[0].parent) if found else ""


def _launcher_missing(here: Places, facts: Facts, version: Path) -> bool:
    path = here.data / "bin" / "scumble.cmd" if facts.system == "windows" else here.programs / "scumble"
    return str(environment.python_in(version)) not in read_text(path)


def _service_outdated(version: Path) -> bool:
    """Whether there is a unit of ours that calls something else. Asked on Linux alone, where it is a plain file."""
    text = read_text(service.systemd_folder(Path.home()) / service.UNIT)
    return bool(text) and str(environment.python_in(version)) not in text


def _service_missing(facts: Facts) -> list[str]:
    """Editors that wait for a service where there is none. Asked on Linux alone, where it is a plain file."""
    if facts.system != "linux" or (service.systemd_folder(Path.home()) / service.UNIT).is_file():
        return []
    return sorted({editor.title for editor in facts.editors if editor.kind == "flatpak" and not plan.too_old(editor)})


def misleading_variables(environ: dict[str, str]) -> list[tuple[str, str]]:
    """Variables of Scumble's that lead nowhere: editors that were started with them find no backend."""
    found = []
    endpoint = environ.get("SCUMBLE_ENDPOINT", "")
    if endpoint and not Path(endpoint).expanduser().is_file():
        found.append(("SCUMBLE_ENDPOINT", f"names {endpoint}, which isn't there"))
    command = environ.get("SCUMBLE_BACKEND", "")
    if command:
        try:
            first = (shlex.split(command, posix=not service.WINDOWS) or [""])[0]
        except ValueError:
            first = ""
        if not first or shutil.which(first.strip('"')) is None:
            found.append(("SCUMBLE_BACKEND", f"calls {first or command}, which can't be started"))
    return found


def runtime_folder(here: Places) -> Path:
    """Where the backend puts its socket and its endpoint file, as scumble_wire.folders has it."""
    if "SCUMBLE_HOME" in os.environ:
        return Path(os.environ["SCUMBLE_HOME"]) / "runtime"
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    if not service.WINDOWS and Path(own).is_absolute():
        return Path(own) / APP
    return here.cache / "runtime"


def runtime_problem(folder: Path) -> str:
    """Why the backend can't use its runtime folder, in words; "" if it can."""
    try:
        state = folder.lstat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{folder} can't be looked at: {error.strerror}."
    if not stat.S_ISDIR(state.st_mode):
        return f"{folder} is in the way: it should be a folder."
    if service.WINDOWS:
        return ""
    if state.st_uid != os.getuid():
        return f"{folder} belongs to another user."
    if state.st_mode & 0o077:
        return f"{folder} is open to others (mode {state.st_mode & 0o777:o}, it should be 700)."
    return "" if state.st_mode & 0o700 == 0o700 else f"{folder} can't be written to."


def loopback_error() -> str:
    """Whether this machine lets a program talk to itself; the error's text if not."""
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            with socket.create_connection(server.getsockname(), timeout=5):
                return ""
    except OSError as error:
        return str(error)


def stale_endpoint(folder: Path) -> str:
    """The endpoint file's path when the process it names is gone; "" otherwise."""
    path = folder / "endpoint.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        pid = int(data["pid"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return str(path)  # damaged: nobody can use it
    return "" if _alive(pid) else str(path)


def _alive(pid: int) -> bool:
    if service.WINDOWS:
        argv = ["tasklist", "/FI", f"PID eq {pid}", "/NH"]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=20, check=False)
        except (OSError, subprocess.SubprocessError):
            return True  # it can't be told
        return str(pid).encode() in done.stdout
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def leftovers(here: Places) -> list[str]:
    """Half-made environments and versions, downloads of interrupted installations."""
    found = []
    folders = [here.versions] if here.shared_environments else [here.environments, here.versions]
    for folder in folders:
        if not folder.is_dir():
            continue
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not environment.is_complete(child) and not environment.being_made(child):
                found.append(str(child))
    return found
