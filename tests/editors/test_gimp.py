"""The plug-in in the real GIMP, with the real backend; each scenario of `gimp_scenarios.py` has its own result."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gimp_stage import HERE, Stage, staged

pytestmark = [pytest.mark.editors, pytest.mark.timeout(400)]

SCENARIOS = [
    line.removeprefix("def scenario_").split("(")[0]
    for line in (HERE / "gimp_scenarios.py").read_text("utf-8").splitlines()
    if line.startswith("def scenario_")
]


@pytest.fixture(scope="module")
def stage(editor_root: Callable[[str], Path]) -> Iterator[Stage]:
    root = editor_root("gimp")
    folder = Path(tempfile.mkdtemp(prefix="scumble-"))  # short: a socket's path must fit into 107 bytes
    try:
        with staged(root, folder) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def outcomes(stage: Stage) -> dict[str, dict[str, object]]:
    return stage.run(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_in_gimp(outcomes: dict[str, dict[str, object]], scenario: str) -> None:
    error = outcomes[scenario]["error"]
    assert not error, error


def test_the_backend_saw_vanished_clients_and_lasting_trainings(
    stage: Stage, outcomes: dict[str, dict[str, object]]
) -> None:
    assert outcomes and not stage.complaints
