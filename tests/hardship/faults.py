"""Faults at the seams of the backend, struck at the n-th call of one of its functions."""

from __future__ import annotations

import contextlib
import errno
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from scumble_backend.packs.installed import InstalledPack
from scumble_backend.packs.store import PackStore
from scumble_backend.rendering import device, pixels
from scumble_backend.rendering.renderer import Renderer
from scumble_backend.rendering.worker import Worker

#: Where: an object and the name of a function of it. Each is called while a job runs.
SEAMS: tuple[tuple[Any, str], ...] = (
    (PackStore, "get"),
    (InstalledPack, "weights"),
    (pixels, "unpack"),
    (pixels, "to_rgb"),
    (pixels, "pack"),
    (device, "synchronize"),
    (torch.nn.functional, "conv2d"),
    (torch.nn.functional, "pad"),
    (Renderer, "_with_room"),
    (Renderer, "memory_mb"),
    (Worker, "_outcome"),
)

FAULTS: tuple[Exception, ...] = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("CUDA error: unspecified launch failure"),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.EMFILE, "Too many open files"),
    KeyError("unforeseen"),
)


class Strike:
    """One fault that waits at one seam. `at`: when it struck (time.monotonic()); None: not yet."""

    def __init__(self, chance: random.Random) -> None:
        self.seam = chance.choice(SEAMS)
        kind = chance.choice(FAULTS)
        self.fault = type(kind)(*kind.args)  # an exception that is raised again drags its old tracebacks along
        self.left = chance.randrange(4)  # calls before it strikes
        self.at: float | None = None

    def hit(self) -> None:
        self.left -= 1
        if self.left < 0 and self.at is None:
            self.at = time.monotonic()
            raise self.fault

    def time(self) -> float | None:
        return self.at

    def __str__(self) -> str:
        return f"{self.fault!r} at {self.seam[1]}"


@contextlib.contextmanager
def armed(strike: Strike) -> Iterator[None]:
    """Let a fault wait at its seam."""
    where, name = strike.seam
    original = where.__dict__[name]

    def function(*arguments: Any, **named: Any) -> Any:
        strike.hit()
        return original(*arguments, **named)

    def getter(self: Any) -> Any:
        strike.hit()
        return original.fget(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, name, property(getter) if isinstance(original, property) else function)
        yield
