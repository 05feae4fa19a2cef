"""Dataclasses from plain data (JSON, TOML) and back, read strictly: unknown names, wrong types and gaps are errors.

A wrong value is named by its place ("recipe.optimizer.steps"), with what would be right.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")


class NotAsDeclared(ValueError):
    """Plain data that don't fit their dataclass. message: what is wrong and where. remedy: what would be right."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def read(kind: type[T], data: object, where: str) -> T:
    """An object of a dataclass from plain data.

    Fields may be str, int, float (finite; a whole number will do), bool, Path (from text), Literal, dataclasses,
    `X | None`, list[X], tuple[X, ...], dict[str, X], dict[str, Any]. where: what the data are, for messages.
    Raises NotAsDeclared; what the dataclass's own checks raise comes through.
    """
    value: T = _value(kind, data, where)
    return value


def plain(value: object) -> dict[str, Any]:
    """The fields of a dataclass as JSON takes them: paths as text, tuples as lists."""
    assert dataclasses.is_dataclass(value) and not isinstance(value, type)
    return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _value(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _object(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is Literal:
        if not any(value == item and type(value) is type(item) for item in arguments):
            allowed = ", ".join(repr(item) for item in arguments)
            raise NotAsDeclared(f"{where} can't be {value!r}.", f"Choose one of: {allowed}.")
        return value
    if origin in (types.UnionType, typing.Union):
        (other,) = (argument for argument in arguments if argument is not type(None))
        return None if value is None else _value(other, value, where)
    if origin in (list, tuple):
        if not isinstance(value, (list, tuple)):
            raise NotAsDeclared(f"{where} must be a list, not {value!r}.", "Write it in square brackets.")
        return origin(_value(arguments[0], item, f"{where}[{place}]") for place, item in enumerate(value))
    if origin is dict:
        return {key: _value(arguments[1], item, f"{where}.{key}") for key, item in _table(value, where).items()}
    return _simple(kind, value, where)


def _object(kind: Any, value: Any, where: str) -> Any:
    table = _table(value, where)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(set(table) - set(fields)):
        raise NotAsDeclared(f"{where} has no key {unknown[0]!r}.", f"Its keys are: {', '.join(sorted(fields))}.")
    values = {name: _value(hints[name], item, f"{where}.{name}") for name, item in table.items()}
    for name, field in fields.items():
        if name not in table and field.default is field.default_factory is dataclasses.MISSING:
            raise NotAsDeclared(f"{where} lacks {name!r}.", "Add what is missing.")
    return kind(**values)


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise NotAsDeclared(f"{where} must be a table, not {value!r}.", "Give it names and values.")
    return value


def _simple(kind: Any, value: Any, where: str) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise NotAsDeclared(f"{where} must be of type {kind.__name__}, not {value!r}.", "Correct the value.")
    if kind is float and not math.isfinite(value):
        raise NotAsDeclared(f"{where} must be a finite number, not {value!r}.", "Correct the value.")
    return value
