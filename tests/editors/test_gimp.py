"""The plug-in in the real GIMP, with the real backend; each scenario of `gimp_scenarios.py` has its own result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gimp_stage import Outcomes, Stage, staged
from PIL import Image
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


@pytest.mark.parametrize("name", ["gimp-stylize", "gimp-upscale"])
def test_a_preview_that_has_come_is_not_said_to_be_painted(stage: Stage, with_windows: Outcomes, name: str) -> None:
    """To the right of the switches below the preview, nothing is written and nothing turns."""
    assert with_windows
    below = {"gimp-stylize": (244, 498, 445, 525), "gimp-upscale": (240, 426, 425, 454)}[name]
    with Image.open(stage.folder / "shots" / f"{name}.png") as shot:
        assert len(shot.convert("RGB").crop(below).getcolors() or ()) == 1


@pytest.mark.parametrize(("name", "light"), [("gimp-effects", True), ("gimp-effects-in-place", False)])
def test_the_preview_shows_effects_where_they_are_painted(
    stage: Stage, with_windows: Outcomes, name: str, light: bool
) -> None:
    """The layer's dark corner, which its effect inverts, painted at strength 0."""
    assert with_windows
    with Image.open(stage.folder / "shots" / f"{name}.png") as shot:
        darkest, lightest = shot.convert("L").crop((88, 143, 96, 151)).getextrema()
    assert darkest > 160 if light else lightest < 95
