"""The plugin in the real Krita, with the real backend; each scenario of `krita_scenarios.py` has its own result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from krita_stage import Stage, staged
from staging import scenario_names, short_folder

pytestmark = [pytest.mark.editors, pytest.mark.timeout(1300)]

Outcomes = dict[str, dict[str, object]]


NAMES = scenario_names("krita_scenarios.py", "step_")
GERMAN = [name for name in NAMES if name.startswith("german_")]
SCENARIOS = [name for name in NAMES if name not in GERMAN]


@pytest.fixture(scope="module")
def stage(editor_root: Callable[[str], Path]) -> Iterator[Stage]:
    with short_folder() as folder, staged(editor_root("krita"), folder) as made:
        yield made


@pytest.fixture(scope="module")
def outcomes(stage: Stage) -> Outcomes:
    return stage.run(SCENARIOS)


@pytest.fixture(scope="module")
def german(stage: Stage, outcomes: Outcomes) -> Outcomes:
    return stage.run(GERMAN, LANGUAGE="de")


def check(stage: Stage, outcomes: Outcomes, scenario: str) -> None:
    assert scenario in outcomes, f"Krita did not come to this scenario. It said:\n{stage.said()}"
    assert outcomes[scenario]["ok"], outcomes[scenario]["error"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_in_krita(stage: Stage, outcomes: Outcomes, scenario: str) -> None:
    check(stage, outcomes, scenario)


def test_krita_leaves_in_peace_when_all_is_done(stage: Stage, outcomes: Outcomes) -> None:
    assert outcomes["finished"]["ok"] and stage.status == 0, stage.said()


@pytest.mark.parametrize("scenario", GERMAN)
def test_in_german_krita(stage: Stage, german: Outcomes, scenario: str) -> None:
    check(stage, german, scenario)
