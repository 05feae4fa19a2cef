"""Messages to header frames and back: msgpack maps, checked strictly against the dataclasses in `messages`.

A header is a map `{"type": "Stylize", "request": 7, ...fields}`. Two rules let either side grow within one protocol
version (PROTOCOL.md, "Growing without breaking"):

- a field that has its default is not sent, unless it is marked `always_sent`;
- an *answer* may carry fields that the client doesn't know: they are passed over. A *request* may not, because the
  backend would do something else than was asked. `Hello` may, so that versions can tell each other apart.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, cast

from . import messages
from .errors import MalformedMessage, UnknownMessage
from .messages import Message

try:
    from ._vendor import msgpack  # type: ignore[import-not-found]  # the plugins' copy, pure Python
except ImportError:
    import msgpack  # type: ignore[import-untyped]

MAX_HEADER_BYTES = 8 << 20  # some thousands of packs in a list
MAX_REQUEST = (1 << 63) - 1

_REMEDY = "Plugin and backend may be of different versions: update both."
_TYPE_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}

CLIENT_MESSAGES: dict[str, type] = {cls.__name__: cls for cls in typing.get_args(messages.ClientMessage)}
BACKEND_MESSAGES: dict[str, type] = {cls.__name__: cls for cls in typing.get_args(messages.BackendMessage)}
_MESSAGES = CLIENT_MESSAGES | BACKEND_MESSAGES


class _Mismatch(Exception):
    """Where in a message what is wrong; becomes MalformedMessage with the message's name."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    name: str
    hint: Any
    required: bool
    omitted: Any  # the value that need not be sent; MISSING: always sent


_fields_of: dict[type, tuple[_Field, ...]] = {}  # worked out once for each class


def _fields(cls: type) -> tuple[_Field, ...]:
    if cls not in _fields_of:
        _fields_of[cls] = _read_fields(cls)
    return _fields_of[cls]


def _read_fields(cls: type[Any]) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(cls)
    found = []
    for item in dataclasses.fields(cls):
        default = item.default
        if item.default_factory is not dataclasses.MISSING:
            default = item.default_factory()
        if item.metadata.get("always_sent"):
            default = dataclasses.MISSING
        found.append(_Field(item.name, hints[item.name], default is dataclasses.MISSING, default))
    return tuple(found)


def encode(message: Message, request: int) -> bytes:
    """The header frame of a message.

    request: number of the request, 0 .. MAX_REQUEST; 0 for what the backend sends unasked.
    Raises MalformedMessage if a field holds another type than its annotation says.
    """
    name = type(message).__name__
    if _MESSAGES.get(name) is not type(message):
        raise UnknownMessage(f"The protocol has no message {name}.", remedy=_REMEDY)
    if type(request) is not int or not 0 <= request <= MAX_REQUEST:
        raise MalformedMessage(f"{name}: the request number {request} is out of range.")
    try:
        header = {"type": name, "request": request, **_map_from(message, "")}
        packed = cast(bytes, msgpack.packb(header, use_bin_type=True))
    except _Mismatch as wrong:
        raise MalformedMessage(f"{name}: {wrong}") from None
    except (OverflowError, ValueError) as error:  # whole numbers past 64 bits, text with lone surrogates
        raise MalformedMessage(f"{name} can't be encoded: {error}.") from error
    if len(packed) > MAX_HEADER_BYTES:
        raise MalformedMessage(f"{name} takes {len(packed)} bytes; a header has at most {MAX_HEADER_BYTES}.")
    return packed


def decode(header: bytes | bytearray | memoryview) -> tuple[Message, int]:
    """The message in a header frame and its request number.

    Raises UnknownMessage or MalformedMessage, each with `request` set to the request number where that could be
    read and to 0 otherwise, so that the sender can be told which of its messages is meant.
    """
    raw = _unpack(header)
    request = raw.pop("request", None)
    if type(request) is not int or not 0 <= request <= MAX_REQUEST:
        raise MalformedMessage("The header has no valid request number.", remedy=_REMEDY)
    name = raw.pop("type", None)
    if not isinstance(name, str):
        raise MalformedMessage("The header does not name its message.", remedy=_REMEDY, request=request)
    cls = _MESSAGES.get(name)
    if cls is None:
        raise UnknownMessage(f"This protocol has no message {name[:80]!r}.", remedy=_REMEDY, request=request)
    lenient = name in BACKEND_MESSAGES or cls is messages.Hello
    try:
        return cast(Message, _object_from(raw, cls, "", lenient)), request
    except _Mismatch as wrong:
        raise MalformedMessage(f"{name}: {wrong}", remedy=_REMEDY, request=request) from None


def _unpack(header: bytes | bytearray | memoryview) -> dict[str, Any]:
    if len(header) > MAX_HEADER_BYTES:
        raise MalformedMessage(f"A header of {len(header)} bytes is too long.", remedy=_REMEDY)
    try:
        raw = msgpack.unpackb(header, raw=False, strict_map_key=True)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise MalformedMessage("The header is not valid msgpack.", remedy=_REMEDY) from error
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise MalformedMessage("The header is not a map with text keys.", remedy=_REMEDY)
    return raw


# --- to plain data -----------------------------------------------------------------------------------------


def _map_from(value: object, where: str) -> dict[str, Any]:
    plain = {}
    for item in _fields(type(value)):
        held = getattr(value, item.name)
        path = _join(where, item.name)
        converted = _plain(held, item.hint, path)
        if item.omitted is dataclasses.MISSING or held != item.omitted:
            plain[item.name] = converted
    return plain


def _plain(value: Any, hint: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        if type(value) is not hint:
            raise _Mismatch(f"{where} must be {_describe(hint)}, not {type(value).__name__}.")
        return _map_from(value, where)
    if origin in (typing.Union, types.UnionType):
        return None if _none_allowed(value, arguments) else _plain(value, _only_member(arguments), where)
    if origin is list:
        # A tuple is let through: callers with frozen data need not copy.
        if not isinstance(value, (list, tuple)):
            raise _Mismatch(f"{where} must be a list, not {type(value).__name__}.")
        return [_plain(item, arguments[0], f"{where}[{index}]") for index, item in enumerate(value)]
    if origin is dict:
        return {key: _plain(held, arguments[1], f"{where}.{key}") for key, held in _checked_map(value, where).items()}
    return _scalar(value, hint, where)


# --- from plain data ---------------------------------------------------------------------------------------


def _object_from(raw: Mapping[str, Any], cls: type[Any], where: str, lenient: bool) -> object:
    fields = _fields(cls)
    if not lenient and (extra := sorted(set(raw) - {item.name for item in fields})):
        raise _Mismatch(f"the field {_join(where, extra[0][:80])!r} is not known.")
    values = {}
    for item in fields:
        path = _join(where, item.name)
        if item.name in raw:
            values[item.name] = _typed(raw[item.name], item.hint, path, lenient)
        elif item.required:
            raise _Mismatch(f"the field {path!r} is missing.")
    try:
        return cls(**values)
    except ValueError as error:
        raise _Mismatch(f"{where}: {error}" if where else str(error)) from None


def _typed(value: Any, hint: Any, where: str, lenient: bool) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _object_from(_checked_map(value, where), cast(type, hint), where, lenient)
    if origin in (typing.Union, types.UnionType):
        return None if _none_allowed(value, arguments) else _typed(value, _only_member(arguments), where, lenient)
    if origin is list:
        if not isinstance(value, list):
            raise _Mismatch(f"{where} must be a list, not {_said(value)}.")
        return [_typed(item, arguments[0], f"{where}[{index}]", lenient) for index, item in enumerate(value)]
    if origin is dict:
        checked = _checked_map(value, where)
        return {key: _typed(held, arguments[1], f"{where}.{key}", lenient) for key, held in checked.items()}
    return _scalar(value, hint, where)


# --- shared ------------------------------------------------------------------------------------------------


def _scalar(value: Any, hint: Any, where: str) -> Any:
    if typing.get_origin(hint) is typing.Literal:
        choices = typing.get_args(hint)
        if type(value) is not str or value not in choices:
            raise _Mismatch(f"{where} must be one of {', '.join(choices)}, not {_said(value)}.")
        return value
    if hint not in _TYPE_NAMES:
        raise TypeError(f"{where}: the codec has no rule for the annotation {hint!r}.")
    if hint is float and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise _Mismatch(f"{where} is too large.") from None
    if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
        raise _Mismatch(f"{where} must be {_TYPE_NAMES[hint]}, not {_said(value)}.")
    # A plain one: numpy's float64 and enums are subclasses.
    return str.__str__(value) if hint is str else hint(value)


def _checked_map(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(type(key) is str for key in value):
        raise _Mismatch(f"{where} must be a map with text keys, not {_said(value)}.")
    return value


def _none_allowed(value: Any, members: tuple[Any, ...]) -> bool:
    return value is None and types.NoneType in members


def _only_member(members: tuple[Any, ...]) -> Any:
    others = [member for member in members if member is not types.NoneType]
    if len(others) != 1:
        raise TypeError("A field of a message may be one type or None, not a union of several.")
    return others[0]


def _describe(hint: Any) -> str:
    return f"{'an' if hint.__name__[0] in 'AEIOU' else 'a'} {hint.__name__}"


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (str, bool, int, float)):
        shown = repr(value)
        return shown if len(shown) <= 40 else f"{shown[:40]}..."
    names: dict[type, str] = {dict: "a map", list: "a list", bytes: "bytes"}
    return names.get(type(value), type(value).__name__)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
