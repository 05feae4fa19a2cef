"""How one task of a batch ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scumble_wire.errors import ScumbleError

Status = Literal["done", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """source: the picture, for people. output: path of the result; "" where it has none.

    network_seconds: that the device took. waited_seconds: that the picture waited for the device and was on it.
    code, message, remedy: of a failure, as an error has them.
    """

    source: str
    output: str
    status: Status = "done"
    code: str = ""
    message: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()
    device: str = ""
    pixels: int = 0
    network_seconds: float = 0.0
    waited_seconds: float = 0.0


def failed(source: str, output: str, error: ScumbleError) -> Outcome:
    return Outcome(source, output, "failed", error.code, error.message, error.remedy)
