"""No wait without a limit, and no wall clock where a jump of it would do harm: read with `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WAITING = ("backend/scumble_wire", "plugin_shared/scumble_editor", "installer/scumble_installer", "cli/scumble_cli")
TIMED = ("backend/scumble_wire", "plugin_shared/scumble_editor")

#: Programs whose time is the user's own: `run`, the gate's tools, the installer that goes on as its newer self.
_HANDED_OVER = {
    ("checkout.py", "run"),
    ("gate.py", "run"),
    ("commands.py", "again"),
}
_PROGRAMS = {"run", "call", "check_call", "check_output"}
_WAITS = {"join", "wait", "acquire", "get", "result", "communicate"}


def _calls(folder: str) -> Iterator[tuple[Path, str, ast.Call, str]]:
    """(file, function, call, dotted name) of each call of an attribute."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    yield path, function.name, node, ast.unparse(node.func)


@pytest.mark.parametrize("folder", WAITING)
def test_every_wait_has_a_limit(folder: str) -> None:
    endless = []
    for path, function, call, name in _calls(folder):
        limited = any(keyword.arg == "timeout" for keyword in call.keywords)
        program = name.startswith("subprocess.") and name.split(".")[1] in _PROGRAMS
        wait = name.split(".")[-1] in _WAITS and not call.args and not call.keywords
        if (wait or (program and not limited)) and (path.name, function) not in _HANDED_OVER:
            endless.append(f"{path.relative_to(ROOT)}:{call.lineno} {name}")
    assert endless == []


@pytest.mark.parametrize("folder", TIMED)
def test_leases_and_deadlines_know_no_wall_clock(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno} {name}"
        for path, _, call, name in _calls(folder)
        if name in ("time.time", "datetime.now", "datetime.datetime.now", "datetime.utcnow")
    ]
    assert found == []
