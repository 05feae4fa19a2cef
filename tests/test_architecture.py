"""Who may import whom, no circles, nothing that acts on import, and an installer that old Pythons can read.

Read with `ast`, so nothing has to be importable. The rules are `rooms.toml`; CONTRIBUTING.md shows them to people.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
STANDARD = set(sys.stdlib_module_names) | {"__future__"}

#: Folders that imports start from, as the environment's path has them.
TOPS = (
    "backend",
    "training",
    "cli",
    "plugin_shared",
    "plugin_krita",
    "plugin_gimp/scumble_gimp",
    "plugin_gimp",
    "installer",
)


@dataclass(frozen=True)
class Room:
    name: str
    places: tuple[str, ...]  # folders, or files
    what: str
    rooms: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def holds(self, path: str) -> int:
        """How much of the path the room's closest place names; 0: it lies elsewhere."""
        return max((len(place) for place in self.places if path == place or path.startswith(place + "/")), default=0)


def _spelled_out(place: str) -> list[str]:
    match = re.fullmatch(r"(.*)\{(.*)\}(.*)", place)
    return [match[1] + one + match[3] for one in match[2].split(",")] if match else [place]


def _read_rooms() -> dict[str, Room]:
    table: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "tests/rooms.toml").read_text("utf-8"))
    return {
        name: Room(
            name,
            tuple(one for place in room["places"] for one in _spelled_out(place)),
            room["what"],
            tuple(room.get("rooms", ())),
            tuple(room.get("packages", ())),
        )
        for name, room in table.items()
    }


ROOMS = _read_rooms()


def _sources() -> dict[Path, str]:
    """Every source file and the dotted name it is imported by."""
    found: dict[Path, str] = {}
    for top in sorted(TOPS, key=len, reverse=True):
        for path in sorted((ROOT / top).rglob("*.py")):
            if path not in found and not {"_vendor", "build", "__pycache__"} & set(path.parts):
                parts = path.relative_to(ROOT / top).with_suffix("").parts
                found[path] = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return found


SOURCES = _sources()
PATHS = {name: path for path, name in SOURCES.items()}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _room_of(path: Path) -> Room | None:
    return max(
        (room for room in ROOMS.values() if room.holds(_name(path))), key=lambda r: r.holds(_name(path)), default=None
    )


def _imports(tree: ast.AST, package: list[str], *, types_too: bool = True) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported; a module of ours by its own name, other things by their package's.

    package: the dotted package that the file lies in, for relative imports. types_too: what is imported for the type
    checker alone counts as well.
    """
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and not types_too and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += [node.module] if node.module else []
            for alias in node.names:
                name = ".".join([*base, alias.name])
                yield node.lineno, name if name in PATHS else ".".join(base)


@cache
def _imported(path: Path, *, types_too: bool = True) -> list[tuple[int, str]]:
    name = SOURCES[path]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    return sorted(_imports(ast.parse(path.read_text(encoding="utf-8")), package, types_too=types_too))


def _strangers(room: Room, imported: list[tuple[int, str]]) -> list[str]:
    """What is imported from where it may not be."""
    found = []
    for line, name in imported:
        if name in PATHS:
            other = _room_of(PATHS[name])
            fine = other is room or (other is not None and other.name in room.rooms)
        else:
            fine = name.split(".")[0] in STANDARD or any(
                name == one or name.startswith(one + ".") for one in room.packages
            )
        if not fine:
            found.append(f"line {line}: {name}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    room = _room_of(path)
    assert room is not None, f"{_name(path)} lies in no room; add it to rooms.toml or move it."
    strangers = _strangers(room, _imported(path))
    assert not strangers, f"{_name(path)} imports what the room `{room.name}` may not: " + ", ".join(strangers)


def test_what_a_room_may_import_is_what_it_does_import() -> None:
    """No permission is kept in store."""
    used: dict[str, set[str]] = {name: set() for name in ROOMS}
    for path in SOURCES:
        room = _room_of(path)
        assert room is not None
        for _, name in _imported(path):
            other = _room_of(PATHS[name]) if name in PATHS else None
            used[room.name] |= (
                {other.name} if other else {p for p in room.packages if name == p or name.startswith(p + ".")}
            )
    spare = [f"{r.name}: {one}" for r in ROOMS.values() for one in (*r.rooms, *r.packages) if one not in used[r.name]]
    assert spare == []


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {
        name: {other for _, other in _imported(path, types_too=False) if other in PATHS and other != name}
        for path, name in SOURCES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_rooms_come_before_those_that_import_them() -> None:
    order = list(ROOMS)
    assert [(r.name, one) for r in ROOMS.values() for one in r.rooms if order.index(one) >= order.index(r.name)] == []


def test_every_place_of_the_table_exists() -> None:
    assert [place for room in ROOMS.values() for place in room.places if not (ROOT / place).exists()] == []


def test_only_the_server_imports_zmq() -> None:
    importers = [_name(path) for path in SOURCES if any(name.split(".")[0] == "zmq" for _, name in _imported(path))]
    assert importers == ["backend/scumble_backend/serving/server.py"]


def table_for_people() -> str:
    """The rows of the table in CONTRIBUTING.md."""
    rows = ["| room | what | may import |", "|---|---|---|"]
    raw = tomllib.loads((ROOT / "tests/rooms.toml").read_text("utf-8"))
    for name, room in ROOMS.items():
        may = ", ".join([*room.rooms, *(f"`{package}`" for package in room.packages)])
        places = ", ".join(f"`{place}`" for place in raw[name]["places"])
        rows.append(f"| **{name}**: {places} | {room.what} | {may} |")
    return "\n".join(rows) + "\n"


def test_the_page_shows_the_table() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert table_for_people() in page, "Put this into CONTRIBUTING.md:\n" + table_for_people()


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


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_importing_a_file_does_nothing_to_the_world(path: Path) -> None:
    if path.name == "__main__.py" or _name(path) in PROGRAMS:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    doing = []
    for call in _top_level_calls(tree):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in EFFECTS:
            doing.append(f"line {call.lineno}: {name}()")
    assert not doing, f"{_name(path)} acts on import: " + ", ".join(doing)


# --- the test's own eyes ---------------------------------------------------------------------------------


def test_the_checks_see_what_they_are_there_to_see() -> None:
    tree = ast.parse("import torch\nfrom .worker import Worker\nfrom torch import nn\n")
    seen = sorted(_imports(tree, ["scumble_backend", "rendering"]))
    assert [name for _, name in seen] == ["torch", "scumble_backend.rendering.worker", "torch"]
    assert _strangers(ROOMS["foundations"], seen) == [
        "line 1: torch",
        "line 2: scumble_backend.rendering.worker",
        "line 3: torch",
    ]
    assert _strangers(ROOMS["rendering"], seen) == []
    acting = ast.parse("import logging\nlogging.basicConfig()\ndef f():\n    print(1)\nclass A:\n    x = open('y')\n")
    assert sorted(ast.unparse(call) for call in _top_level_calls(acting)) == ["logging.basicConfig()", "open('y')"]


# --- the installer runs before anything is installed -----------------------------------------------------

INSTALLER = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == "installer"]


@pytest.mark.parametrize("path", INSTALLER, ids=_name)
def test_the_installer_parses_as_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
