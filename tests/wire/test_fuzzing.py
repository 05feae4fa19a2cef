"""Bytes from others, by a coverage-guided fuzzer: no crash, no hang, no unbounded memory.

A short run in the gate. A long one by command: `SCUMBLE_FUZZ_CASES=1000000 python3 installer/install.py test
tests/wire/test_fuzzing.py -s` (so many cases for each target; SCUMBLE_FUZZ_SEED for other ones).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import wire_targets
from fuzzing.engine import Fuzzer, Report

CASES = int(os.environ.get("SCUMBLE_FUZZ_CASES", "3000"))
SEED = int(os.environ.get("SCUMBLE_FUZZ_SEED", "1"))
MOST_MEMORY_MB = 256

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no count of a process's memory"),
    pytest.mark.timeout(max(300, CASES // 50)),
]

TARGETS: dict[str, Callable[[Path], wire_targets.Case]] = {
    "handshake": lambda folder: wire_targets.handshake(),
    "frames": lambda folder: wire_targets.frames(),
    "headers": lambda folder: wire_targets.headers(),
    "headers, msgpack in Python": lambda folder: wire_targets.headers(pure=True),
    "endpoint file": wire_targets.endpoint_files,
}


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_others_send_does_harm(name: str, tmp_path: Path) -> None:
    report = _fuzz(TARGETS[name](tmp_path), CASES)
    print(f"{name}: {report}")
    assert report.failures == []
    assert report.cases == CASES and report.steps > 25, "it reached next to nothing"
    assert report.memory_mb < MOST_MEMORY_MB


def _fuzz(case: wire_targets.Case, cases: int) -> Report:
    return Fuzzer(case.target, case.corpus, case.files, case.words, SEED).run(cases)


def test_the_fuzzer_finds_what_is_planted() -> None:
    """Behind three bytes one after the other, which chance alone would not meet in so many cases."""

    def target(data: bytes) -> None:
        _planted(data)

    report = Fuzzer(target, [b"aaaa"], [__file__], seed=SEED).run(60_000, trace_every=1, most_failures=1)
    assert [error for _, error in report.failures] == ["KeyError: 'found'"]
    assert report.cases < 60_000


def _planted(data: bytes) -> None:
    if data[:1] == b"\x80":
        if data[1:2] == b"\xc1":
            if data[2:3] == b"\x7f":
                raise KeyError("found")
            return
        return
