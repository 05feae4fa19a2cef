"""Dataclasses from plain data: what fits is read, what does not is named with its place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from scumble_backend.plain_data import NotAsDeclared, plain, read


@dataclass(frozen=True)
class Inner:
    weight: float
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    more: list[Inner] = field(default_factory=list)
    shares: dict[str, float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    kind: Literal["a", "b", 3] = "a"
    count: int = 1
    ready: bool = False


def test_everything_comes_back_through_json() -> None:
    whole = Outer("x", Inner(1, ("p", "q")), [Inner(2.5)], {"s": 1.0}, {"any": [1, None]}, Path("/a/b"), "b", 7, True)
    assert read(Outer, json.loads(json.dumps(plain(whole))), "it") == whole
    assert type(read(Outer, {"name": "x", "inner": {"weight": 2}}, "it").inner.weight) is float


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": 3}, r"it\.name must be of type str"),
        ({"inner": {}}, r"it\.inner lacks 'weight'"),
        ({"inner": [1]}, r"it\.inner must be a table"),
        ({"inner": {"weight": "1"}}, r"it\.inner\.weight must be of type float"),
        ({"inner": {"weight": float("nan")}}, r"it\.inner\.weight must be a finite number"),
        ({"inner": {"weight": True}}, r"it\.inner\.weight must be of type float"),
        ({"inner": {"weight": 1, "layers": "relu1_1"}}, r"it\.inner\.layers must be a list"),
        ({"inner": {"weight": 1, "layer": []}}, r"it\.inner has no key 'layer'"),
        ({"more": [{"weight": 1}, {"weight": None}]}, r"it\.more\[1\]\.weight"),
        ({"shares": {"s": "much"}}, r"it\.shares\.s"),
        ({"folder": 5}, r"it\.folder must be of type Path"),
        ({"kind": "c"}, r"it\.kind can't be 'c'"),
        ({"kind": 3.0}, r"it\.kind can't be 3\.0"),
        ({"count": True}, r"it\.count must be of type int"),
        ({"ready": 1}, r"it\.ready must be of type bool"),
        ({"colour": 1}, r"it has no key 'colour'"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(NotAsDeclared, match=place) as caught:
        read(Outer, {"name": "x", "inner": {"weight": 1}, **change}, "it")
    assert caught.value.remedy


def test_what_is_no_table_at_all_is_refused() -> None:
    for nonsense in (None, [], "text", 3, {1: 2}):
        with pytest.raises(NotAsDeclared, match="it must be a table"):
            read(Outer, nonsense, "it")
