"""A coverage-guided fuzzer in a hundred lines, for code that takes bytes from others.

Inputs are made by changing those of a corpus. Every few cases run under a trace; an input that reaches a line, or
goes from one line to another, as none before it did, joins the corpus and is changed further.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

Target = Callable[[bytes], None]  # returns if all is well with an input, raises otherwise

LONGEST_INPUT = 1 << 14
SLOW_S = 1.0  # of processor time; a case that takes longer counts as hanging
_INTERESTING = (0, 1, 2, 4, 6, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xC0, 0xC1, 0xC4, 0xD9, 0xDC, 0xDE, 0xFF)
_NUMBERS = (0, 1, 0xFF, 0x100, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 34, 1 << 62, (1 << 64) - 1)


@dataclass
class Report:
    cases: int = 0
    seconds: float = 0.0
    corpus: int = 0
    steps: int = 0  # pairs of lines that were reached one after the other
    slowest_s: float = 0.0  # processor time of one case
    memory_mb: float = 0.0  # by which the process has grown
    failures: list[tuple[bytes, str]] = field(default_factory=list)

    def __str__(self) -> str:
        rate = self.cases / max(self.seconds, 1e-9)
        return (
            f"{self.cases} cases in {self.seconds:.0f} s ({rate:.0f} a second), corpus {self.corpus}, "
            f"{self.steps} steps between lines, slowest {self.slowest_s * 1000:.0f} ms, "
            f"{self.memory_mb:.0f} MB more memory, {len(self.failures)} failures"
        )


class Fuzzer:
    """target: what is tried. files: whose lines guide it. words: byte strings to throw in."""

    def __init__(
        self,
        target: Target,
        corpus: Sequence[bytes],
        files: Sequence[str],
        words: Sequence[bytes] = (),
        seed: int = 0,
    ) -> None:
        self._target = target
        self._files = frozenset(files)
        self._words = list(words) or [b"\0"]
        self._random = random.Random(seed)
        self._seen: set[tuple[str, int, int]] = set()
        self.corpus = list(corpus)

    def run(self, cases: int, *, trace_every: int = 10, most_failures: int = 5) -> Report:
        """Try that many inputs; stops early after some failures."""
        report, began, grown = Report(), time.monotonic(), _memory_mb()
        for case in range(cases):
            traced = case % trace_every == 0 or case < len(self.corpus)
            data = self.corpus[case] if case < len(self.corpus) else self._changed()
            spent = time.process_time()
            trouble = self._try(data, traced)
            spent = time.process_time() - spent
            report.cases += 1
            if not traced:
                report.slowest_s = max(report.slowest_s, spent)
                if spent > SLOW_S:
                    trouble = trouble or f"took {spent:.1f} s"
            if trouble:
                report.failures.append((data, trouble))
                if len(report.failures) >= most_failures:
                    break
        report.seconds, report.memory_mb = time.monotonic() - began, _memory_mb() - grown
        report.corpus, report.steps = len(self.corpus), len(self._seen)
        return report

    def _try(self, data: bytes, traced: bool) -> str:
        """What is wrong with how the target takes an input; empty: nothing."""
        reached: set[tuple[str, int, int]] = set()
        before = sys.gettrace()
        if traced:
            sys.settrace(self._tracer(reached))
        try:
            self._target(data)
        except Exception as error:  # noqa: BLE001  whatever comes out of it is what we are looking for
            return f"{type(error).__name__}: {error}"
        finally:
            sys.settrace(before)
        if not reached <= self._seen:
            self._seen |= reached
            self.corpus.append(data)
        return ""

    def _tracer(self, reached: set[tuple[str, int, int]]) -> Callable[[FrameType, str, Any], Any]:
        files = self._files

        def enter(frame: FrameType, event: str, argument: Any) -> Any:
            name = frame.f_code.co_filename
            if name not in files:
                return None
            last = frame.f_lineno

            def line(frame: FrameType, event: str, argument: Any) -> Any:
                nonlocal last
                if event == "line":
                    reached.add((name, last, frame.f_lineno))
                    last = frame.f_lineno
                return line

            return line

        return enter

    def _changed(self) -> bytes:
        chance = self._random
        data = bytearray(chance.choice(self.corpus))
        for _ in range(1 << chance.randrange(4)):
            chance.choice(_CHANGES)(self, data)
        return bytes(data[:LONGEST_INPUT])

    # --- ways to change an input ---------------------------------------------------------------------------

    def _at(self, data: bytearray) -> int:
        return self._random.randrange(len(data) + 1)

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)

    def _set(self, data: bytearray) -> None:
        if data:
            data[self._random.randrange(len(data))] = self._random.choice(_INTERESTING)

    def _number(self, data: bytearray) -> None:
        size = self._random.choice((2, 4, 8))
        at = self._at(data)
        data[at : at + size] = (self._random.choice(_NUMBERS) & ((1 << 8 * size) - 1)).to_bytes(size, "big")

    def _cut(self, data: bytearray) -> None:
        at = self._at(data)
        del data[at : at + 1 + self._random.randrange(16)]

    def _end(self, data: bytearray) -> None:
        del data[self._at(data) :]

    def _repeat(self, data: bytearray) -> None:
        at = self._at(data)
        piece = data[at : at + 1 + self._random.randrange(64)]
        data[at:at] = piece * (1 + self._random.randrange(8))

    def _insert(self, data: bytearray) -> None:
        at = self._at(data)
        data[at:at] = self._random.choice(self._words)

    def _replace(self, data: bytearray) -> None:
        word, at = self._random.choice(self._words), self._at(data)
        data[at : at + len(word)] = word

    def _cross(self, data: bytearray) -> None:
        other = self._random.choice(self.corpus)
        data[self._at(data) :] = other[self._random.randrange(len(other) + 1) :]


_CHANGES = (
    Fuzzer._flip, Fuzzer._set, Fuzzer._number, Fuzzer._cut, Fuzzer._end, Fuzzer._repeat, Fuzzer._insert,
    Fuzzer._replace, Fuzzer._cross,
)  # fmt: skip


def _memory_mb() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
