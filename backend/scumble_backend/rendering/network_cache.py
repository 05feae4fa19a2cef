"""Networks kept on the device, the least recently used ones freed first. Pure bookkeeping."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class NetworkCache(Generic[T]):
    """Things under a budget of bytes. budget: 0 for no limit."""

    def __init__(self, budget: int = 0) -> None:
        self.budget = budget
        self._kept: OrderedDict[Hashable, tuple[T, int, str]] = OrderedDict()

    @property
    def nbytes(self) -> int:
        return sum(size for _, size, _ in self._kept.values())

    @property
    def titles(self) -> list[str]:
        """What is kept, for people, the least recently used first."""
        return [title for _, _, title in self._kept.values()]

    def get(self, key: Hashable, title: str, make: Callable[[], tuple[T, int]]) -> T:
        """The thing of a key; `make` returns it with its size in bytes if it isn't kept.

        One that is larger than the whole budget is kept alone until the next one comes.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        thing, size = make()
        self._kept[key] = (thing, size, title)
        self.shrink()
        return thing

    def shrink(self) -> None:
        """Free what is over the budget, but never the one used last."""
        while self.budget and self.nbytes > self.budget and len(self._kept) > 1:
            self._kept.popitem(last=False)

    def clear(self) -> int:
        """Free everything; returns how many there were."""
        count = len(self._kept)
        self._kept.clear()
        return count
