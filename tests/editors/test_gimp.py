"""The plug-in in the real GIMP, with the real backend; each scenario of `gimp_scenarios.py` has its own result."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gimp_stage import HERE, Outcomes, Stage, staged

pytestmark = [pytest.mark.editors, pytest.mark.timeout(1500)]


def names(file: str) -> list[str]:
    lines = (HERE / file).read_text("utf-8").splitlines()
    return [line.removeprefix("def scenario_").split("(")[0] for line in lines if line.startswith("def scenario_")]


SCENARIOS = names("gimp_scenarios.py")
WITH_WINDOWS = names("gimp_window_scenarios.py")


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
def outcomes(stage: Stage) -> Outcomes:
    return stage.run(SCENARIOS)


@pytest.fixture(scope="module")
def with_windows(stage: Stage, outcomes: Outcomes) -> Outcomes:
    """After those without, whose last ones kill the backend."""
    assert outcomes
    stage.backend.stop()
    stage.backend.start()
    return stage.run_with_windows(WITH_WINDOWS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_in_gimp(outcomes: Outcomes, scenario: str) -> None:
    error = outcomes[scenario]["error"]
    assert not error, error


@pytest.mark.parametrize("scenario", WITH_WINDOWS)
def test_in_gimp_with_windows(with_windows: Outcomes, scenario: str) -> None:
    error = with_windows[scenario]["error"]
    assert not error, error


def test_the_backend_saw_vanished_clients_and_lasting_trainings(stage: Stage, with_windows: Outcomes) -> None:
    assert with_windows and not stage.complaints
