"""PROTOCOL.md says what messages.py says: version, names, types, defaults, words; and its example runs."""

from __future__ import annotations

import ast
import dataclasses
import re
import typing
from pathlib import Path

import pytest
from wire.small_backend import SmallBackend

import scumble_wire
from scumble_wire import codec, endpoint, errors, messages

PAGE = Path(scumble_wire.__file__).with_name("PROTOCOL.md").read_text(encoding="utf-8")
VALUES = [messages.ImageInfo, messages.StyleChoice, messages.PackInfo, messages.JobInfo]


def part(heading: str) -> str:
    """The text under a heading of the second level."""
    match = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match, heading
    return match[1]


def entries(text: str) -> dict[str, str]:
    pieces = re.split(r"^### (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """Body rows of the tables in a text, cell by cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if row[0] != "field" and not set(row[0]) <= {"-"}]


def default_of(item: dataclasses.Field[object]) -> str:
    if item.metadata.get("always_sent"):
        return "always sent"
    if item.default_factory is not dataclasses.MISSING:
        return repr(item.default_factory())
    return "required" if item.default is dataclasses.MISSING else repr(item.default)


def test_the_version_is_the_codes() -> None:
    assert re.findall(r"^Version: \*\*(\d+)\*\*$", PAGE, re.MULTILINE) == [str(messages.PROTOCOL_VERSION)]


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Values", [cls.__name__ for cls in VALUES]),
        ("From the client", list(codec.CLIENT_MESSAGES)),
        ("From the backend", list(codec.BACKEND_MESSAGES)),
    ],
)
def test_every_message_has_its_entry_and_no_other_has(heading: str, names: list[str]) -> None:
    assert list(entries(part(heading))) == names


def test_every_value_inside_a_message_is_described() -> None:
    inside = set()
    for cls in (*codec.CLIENT_MESSAGES.values(), *codec.BACKEND_MESSAGES.values(), *VALUES):
        for hint in typing.get_type_hints(cls).values():
            inside |= {part for part in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(part)}
    assert inside == set(VALUES)


@pytest.mark.parametrize(
    "cls", [*VALUES, *codec.CLIENT_MESSAGES.values(), *codec.BACKEND_MESSAGES.values()], ids=lambda cls: cls.__name__
)
def test_fields_have_the_codes_names_types_and_defaults(cls: type) -> None:
    described = entries(part("Values") + part("From the client") + part("From the backend"))[cls.__name__]
    told = [(name.strip("`"), kind.strip("`"), default) for name, kind, default, _ in rows(described)]
    plain = [(name, kind, _literal(default)) for name, kind, default in told]
    assert plain == [(item.name, item.type, default_of(item)) for item in dataclasses.fields(cls)]
    assert all(row[3] for row in rows(described)), "a field without a meaning"


def _literal(default: str) -> str:
    return repr(ast.literal_eval(default.strip("`"))) if default.startswith("`") else default


def test_words_are_the_codes() -> None:
    told = {
        row[0].strip("`"): tuple(re.findall(r"`(\w+)`", row[1])) for row in rows(part("Words")) if row[0] != "name"
    }
    names = ("Depth", "Order", "Transfer", "Priority", "Quality", "JobState", "JobKind", "Region", "Colors")
    assert told == {name: typing.get_args(getattr(messages, name)) for name in names}


def test_limits_are_the_codes() -> None:
    assert f"1 to {messages.MAX_SIDE} pixels" in PAGE
    assert messages.MAX_PIXELS == 1 << 30 and "at most 2^30" in PAGE
    assert codec.MAX_HEADER_BYTES == 8 << 20 and "at most 8 MiB" in PAGE
    assert codec.MAX_REQUEST == (1 << 63) - 1
    for error in (errors.MalformedMessage, errors.UnknownMessage, errors.WrongProtocol):
        assert f"| `{error.code}` |" in PAGE


def test_the_endpoint_file_has_the_fields_on_the_page() -> None:
    shown = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    names = re.findall(r'^ "(\w+)":', shown[1], re.MULTILINE)
    assert names == [item.name for item in dataclasses.fields(endpoint.Endpoint)]


def test_the_example_client_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert example
    with SmallBackend(tmp_path) as backend:
        code = example[1].replace("~/.cache/scumble/runtime/endpoint.json", str(backend.file))
        assert code != example[1]
        # The program's end closes its context; here the test has to.
        exec(code.replace("zmq.Context.instance()", "(context := zmq.Context())") + "\ncontext.destroy(1000)", {})
    lines = capsys.readouterr().out.splitlines()
    assert "Welcome" in lines[0]
    assert lines[-1] == f"ImageResult [{640 * 480 * 4}]"
