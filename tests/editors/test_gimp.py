"""The plug-in in the real GIMP, with the real backend; each scenario of `gimp_scenarios.py` has its own result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gimp_stage import Outcomes, Stage, staged
from staging import scenario_names, short_folder

pytestmark = [pytest.mark.editors, pytest.mark.timeout(1500)]


SCENARIOS = scenario_names("gimp_scenarios.py", "scenario_")
WITH_WINDOWS = scenario_names("gimp_window_scenarios.py", "scenario_")


@pytest.fixture(scope="module")
def stage(editor_root: Callable[[str], Path]) -> Iterator[Stage]:
    with short_folder() as folder, staged(editor_root("gimp"), folder) as made:
        yield made


@pytest.fixture(scope="module")
def outcomes(stage: Stage) -> Outcomes:
    return stage.run(SCENARIOS)


@pytest.fixture(scope="module")
def with_windows(stage: Stage, outcomes: Outcomes) -> Outcomes:
    """After those without, whose last ones kill the backend."""
    assert outcomes
    stage.backend.stop()
    stage.backend.start()
    return stage.run_with_windows(WITH_WINDOWS, SCUMBLE_TIMINGS=str(stage.folder / "timings.jsonl"))


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


def test_gimp_logged_no_failed_assertion(stage: Stage, with_windows: Outcomes) -> None:
    assert with_windows and not stage.failed_assertions
