"""Who may import whom, that nothing runs on import, and that the installer stays old-fashioned.

Read with `ast`, so the rooms needn't be importable. CONTRIBUTING.md shows the same table to people.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STANDARD = set(sys.stdlib_module_names) | {"__future__"}
EDITOR_APIS = {"krita", "pykrita", "PyQt5", "PyQt6", "sip", "gi", "gimp"}

#: Room -> what it may import beside the standard library and itself. A name stands for all that lies below it.
#: The longest room that a file lies in holds.
ROOMS: dict[str, set[str]] = {
    "backend/scumble_wire": {"msgpack"},
    "backend/scumble_backend": {
        "numpy", "torch", "PIL", "OpenImageIO", "platformdirs", "typer", "click", "rich", "safetensors",
        "cryptography", "scumble_wire", "scumble_backend", "scumble_training",
    },
    "backend/scumble_backend/nets": {"torch"},
    "backend/scumble_backend/pixels.py": {"torch", "numpy", "scumble_wire.messages", "scumble_backend.errors"},
    "backend/scumble_backend/tiling.py": {"torch", "numpy", "scumble_wire.messages", "scumble_backend.errors"},
    "backend/scumble_backend/device.py": {"torch", "numpy", "scumble_wire.messages", "scumble_backend.errors"},
    "backend/scumble_backend/packs": {
        "torch", "numpy", "safetensors", "cryptography", "PIL", "onnx", "onnxruntime", "spandrel", "platformdirs",
        "google.protobuf", "scumble_backend.config",
        "scumble_backend.nets", "scumble_backend.errors", "scumble_wire.messages", "scumble_wire.folders",
        "scumble_wire.locking",
    },
    "backend/scumble_backend/effects": {
        "torch", "numpy", "scumble_backend.packs", "scumble_backend.pixels", "scumble_backend.tiling",
        "scumble_backend.device", "scumble_backend.nets", "scumble_backend.errors", "scumble_wire.messages",
    },
    "backend/scumble_backend/job.py": {"scumble_wire.messages"},
    "backend/scumble_backend/jobs.py": {"scumble_wire.messages", "scumble_backend.job"},
    "backend/scumble_backend/leases.py": set(),
    "backend/scumble_backend/network_cache.py": set(),
    "backend/scumble_backend/server.py": {
        "zmq", "scumble_wire", "scumble_backend.desk", "scumble_backend.__version__", "scumble_backend.errors",
        "scumble_backend.config", "scumble_backend.packs",
    },
    "training/scumble_training": {
        "torch", "torchvision", "numpy", "PIL", "safetensors", "tensorboard", "tomli", "rich", "torchmetrics",
        "scumble_backend.nets", "scumble_backend.packs", "scumble_backend.pixels", "scumble_backend.device",
        "scumble_backend.errors", "scumble_backend.effects", "scumble_backend.tiling", "scumble_wire.messages",
        "scumble_wire.folders", "scumble_wire.errors", "scumble_backend.__version__",
    },
    "plugin_krita/scumble_krita": {*EDITOR_APIS, "scumble_wire"},
    "plugin_gimp/scumble_gimp": {*EDITOR_APIS, "scumble_wire", "gimp_side"},
    "plugin_krita": {"scumble_installer.vendoring"},  # its build command
    "plugin_gimp": {"scumble_installer.vendoring", "catalogs"},
    "installer": {"scumble_installer"},
}  # fmt: skip

#: Only these files of the backend may import zmq, torch-free start included (see below).
ONLY_IMPORTER_OF_ZMQ = "backend/scumble_backend/server.py"


def _room_of(path: Path) -> str | None:
    name = path.relative_to(ROOT).as_posix()
    fitting = [room for room in ROOMS if name == room or name.startswith(room + "/")]
    return max(fitting, key=len, default=None)


def _sources() -> list[Path]:
    folders = ["backend", "training", "plugin_krita", "plugin_gimp", "installer"]
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "_vendor" not in path.parts and "build" not in path.parts]


SOURCES = _sources()


def _package_of(path: Path) -> list[str]:
    """The dotted package a file lies in, for resolving relative imports."""
    parts = list(path.relative_to(ROOT).parts[:-1])
    return parts[1:]  # the room's folder is no package


def _imports(tree: ast.AST, path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported; `from a import b` counts as a.b."""
    package = _package_of(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            if node.level:
                base = package[: len(package) - node.level + 1] + base
            for alias in node.names:
                yield node.lineno, ".".join([*base, alias.name])


def _allowed(name: str, allowed: set[str]) -> bool:
    top = name.split(".")[0]
    return top in STANDARD or any(name == one or name.startswith(one + ".") for one in allowed)


def _own_package(room: str, name: str, path: Path) -> bool:
    """Whether `name` lies in the room itself."""
    dotted = room.removesuffix(".py").split("/", 1)[-1].replace("/", ".")
    return name == dotted or name.startswith(dotted + ".") or name.split(".")[0] == path.stem


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    room = _room_of(path)
    assert room is not None, f"{path.relative_to(ROOT)} lies in no room; add it to the table or move it."
    tree = ast.parse(path.read_text(encoding="utf-8"))
    strangers = [
        f"line {line}: {name}"
        for line, name in _imports(tree, path)
        if not _allowed(name, ROOMS[room]) and not _own_package(room, name, path)
    ]
    assert not strangers, f"{path.relative_to(ROOT)} imports what {room} may not: " + ", ".join(strangers)


def test_only_the_server_imports_zmq() -> None:
    importers = [
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if any(name.split(".")[0] == "zmq" for _, name in _imports(ast.parse(path.read_text("utf-8")), path))
    ]
    assert importers in ([], [ONLY_IMPORTER_OF_ZMQ])


def test_every_room_of_the_table_exists() -> None:
    assert [room for room in ROOMS if not (ROOT / room).exists()] == []


# --- nothing runs on import ------------------------------------------------------------------------------

#: Calls that do something to the world; at a module's top level they would run on import.
EFFECTS = {
    "mkdir", "makedirs", "open", "write_text", "write_bytes", "unlink", "remove", "rmtree", "touch",
    "basicConfig", "addHandler", "setLevel",
    "is_available", "device_count", "set_default_device", "set_num_threads", "set_default_dtype", "manual_seed",
    "Popen", "run", "call", "check_call", "check_output", "system",
    "socket", "connect", "bind", "urlopen",
    "chdir", "putenv", "print", "main",
}  # fmt: skip


def _top_level_calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that run when the module is imported: not in functions, nor under `if __name__ == "__main__"`."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)]
            continue
        if isinstance(node, ast.Lambda) or (isinstance(node, ast.If) and "__name__" in ast.dump(node.test)):
            continue
        if isinstance(node, ast.Call):
            yield node
        waiting += ast.iter_child_nodes(node)


#: Programs that an editor starts by running the file, so that it can't ask for its `__name__`.
PROGRAMS = {"plugin_gimp/scumble_gimp/scumble_gimp.py"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_importing_a_file_does_nothing_to_the_world(path: Path) -> None:
    if path.name == "__main__.py" or path.relative_to(ROOT).as_posix() in PROGRAMS:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    doing = []
    for call in _top_level_calls(tree):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in EFFECTS:
            doing.append(f"line {call.lineno}: {name}()")
    assert not doing, f"{path.relative_to(ROOT)} acts on import: " + ", ".join(doing)


# --- the test's own eyes ---------------------------------------------------------------------------------


def test_the_checks_see_what_they_are_there_to_see(tmp_path: Path) -> None:
    tree = ast.parse("import torch\nfrom .worker import Worker\nfrom torch import nn\n")
    seen = [name for _, name in _imports(tree, ROOT / "backend/scumble_backend/jobs.py")]
    assert seen == ["torch", "scumble_backend.worker.Worker", "torch.nn"]
    assert not _allowed("torch", ROOMS["backend/scumble_backend/jobs.py"])
    assert not _allowed("scumble_backend.worker.Worker", ROOMS["backend/scumble_backend/jobs.py"])
    assert _allowed("scumble_wire.messages.Stylize", ROOMS["backend/scumble_backend/jobs.py"])
    acting = ast.parse("import logging\nlogging.basicConfig()\ndef f():\n    print(1)\nclass A:\n    x = open('y')\n")
    assert sorted(ast.unparse(call) for call in _top_level_calls(acting)) == ["logging.basicConfig()", "open('y')"]


# --- the installer runs before anything is installed -----------------------------------------------------

INSTALLER = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == "installer"]


@pytest.mark.parametrize("path", INSTALLER, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_installer_parses_as_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
