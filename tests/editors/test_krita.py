"""The plugin in the real Krita, with the real backend; each scenario of `krita_scenarios.py` has its own result."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from krita_stage import HERE, Stage, staged

pytestmark = [pytest.mark.editors, pytest.mark.timeout(900)]

Outcomes = dict[str, dict[str, object]]


def names(prefix: str) -> list[str]:
    lines = (HERE / "krita_scenarios.py").read_text("utf-8").splitlines()
    return [line.removeprefix("def step_").split("(")[0] for line in lines if line.startswith(f"def step_{prefix}")]


SCENARIOS = [name for name in names("") if not name.startswith("german_")]
GERMAN = names("german_")


@pytest.fixture(scope="module")
def stage(editor_root: Callable[[str], Path]) -> Iterator[Stage]:
    root = editor_root("krita")
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
