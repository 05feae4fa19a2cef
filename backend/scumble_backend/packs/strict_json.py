"""JSON from strangers: bounded, without repeated names, infinities or anything that can't be written again."""

from __future__ import annotations

import json
import math
from typing import Any

from scumble_backend.errors import ManifestWrong

MAX_JSON_BYTES = 1 << 20

Json = dict[str, Any]


def parse_json(raw: bytes, name: str, *, limit: int = MAX_JSON_BYTES) -> object:
    """Strict JSON: UTF-8, no repeated keys, no NaN, bounded size and depth. Raises ManifestWrong."""
    if len(raw) > limit:
        raise _damaged(f"{name} is {len(raw)} bytes long; {limit} are allowed.")
    try:
        data: object = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
        if b"\\u" in raw:  # half a surrogate pair can be written as JSON but never again as UTF-8
            json.dumps(data, ensure_ascii=False).encode()
        return data
    except RecursionError as error:
        raise _damaged(f"{name} is nested too deeply.") from error
    except (UnicodeDecodeError, ValueError) as error:
        raise _damaged(f"{name} is not valid JSON ({error}).") from error


def _damaged(message: str) -> ManifestWrong:
    return ManifestWrong(message, remedy="Ask the author for a corrected file; nothing was installed.")


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return data


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.20} is too large a number")
    return value


def _bounded(text: str) -> int:
    if len(text) > 19:
        raise ValueError(f"{text[:20]}... is too large a number")
    return int(text)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")
