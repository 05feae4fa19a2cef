"""The plug-in in the real GIMP, with the real backend; each scenario of `gimp_scenarios.py` has its own result."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from gimp_stage import HERE, Stage, staged

pytestmark = pytest.mark.editors

SCENARIOS = [
    line.removeprefix("def scenario_").split("(")[0]
    for line in (HERE / "gimp_scenarios.py").read_text("utf-8").splitlines()
    if line.startswith("def scenario_")
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    out = subprocess.run(["bash", str(HERE / "provision.sh"), "gimp"], check=True, capture_output=True, text=True)
    root = Path(out.stdout.strip().splitlines()[-1])
    with staged(root, tmp_path_factory.mktemp("gimp")) as made:
        yield made


@pytest.fixture(scope="module")
def outcomes(stage: Stage) -> dict[str, dict[str, object]]:
    return stage.run(SCENARIOS)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_in_gimp(outcomes: dict[str, dict[str, object]], scenario: str) -> None:
    error = outcomes[scenario]["error"]
    assert not error, error
