"""The plugins in the real editors from where the installer put them, and enabled as it enabled them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import gimp_stage
import krita_stage
import pytest
from installing import Home, copy_of_the_checkout, shared_environments
from staging import Backend, short_folder

pytestmark = [pytest.mark.editors, pytest.mark.slow, pytest.mark.timeout(900)]

LOOK = """
from krita import Krita

def step_look(figures):
    yield 200
    import scumble_krita
    assert any(docker.objectName() == "scumble" for docker in Krita.instance().dockers())
    figures["file"] = scumble_krita.__file__
"""

Root = Callable[[str], Path]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


@pytest.fixture(scope="module")
def home(folder: Path) -> Home:
    home = Home(folder, shared_environments())
    copy_of_the_checkout(folder / "source")
    return home


def install(home: Home, editors: str) -> None:
    done = home.installer(home.folder.parent / "source", "--yes", "--editors", editors)
    assert done.returncode == 0, done.stderr


def test_gimp_has_the_procedures_of_the_installed_plug_in(editor_root: Root, folder: Path, home: Home) -> None:
    root = editor_root("gimp")
    place = folder / "gimp"
    place.mkdir()
    stage = gimp_stage.Stage(root, place, Backend(place))
    install(home, f"gimp={stage.profile}")
    assert (stage.profile / "plug-ins/scumble_gimp/scumble_gimp.py").stat().st_mode & 0o100
    outcome = stage.run(["arguments_are_typed_and_told"])["arguments_are_typed_and_told"]
    assert not outcome["error"], outcome["error"]


class InstalledStage(krita_stage.Stage):
    """A Krita whose plugin came from the installer, which also enabled it in kritarc."""

    home: Home

    def _configure(self, python: str) -> None:
        super()._configure(python.replace("enable_scumble_krita=true\n", ""))

    def _import_plugin(self, resources: Path) -> None:
        kritarc = self.profile / ".config" / "kritarc"
        assert "scumble_krita" not in kritarc.read_text("utf-8")
        (resources / "kritarc").symlink_to(kritarc)  # the settings beside the resources, as in a portable Krita
        install(self.home, f"krita={resources}")
        assert "enable_scumble_krita=true" in kritarc.read_text("utf-8")

    def look(self) -> dict[str, object]:
        """What Krita says of the docker."""
        program, result = self.folder / "look.py", self.folder / "result.json"
        program.write_text(LOOK, "utf-8")
        inside = {"SCUMBLE_SCENARIO": str(program), "SCUMBLE_RESULT": str(result)}
        inside |= {"SCUMBLE_HOME": str(self.folder / "home-in-krita"), "SCUMBLE_BACKEND": "/bin/false"}
        self._start(inside, seconds=krita_stage.PATIENCE_S)
        assert result.exists(), self.said()
        seen: dict[str, object] = json.loads(result.read_text("utf-8"))["look"]
        return seen


def test_krita_has_the_docker_of_the_installed_plugin(editor_root: Root, folder: Path, home: Home) -> None:
    root = editor_root("krita")
    place = folder / "krita"
    place.mkdir()
    stage = InstalledStage(root, place, Backend(place))
    stage.home = home
    stage.prepare()
    seen = stage.look()
    assert seen["ok"], f"{seen}\n{stage.said()}"
    assert seen["figures"] == {"file": str(stage.profile / ".local/share/krita/pykrita/scumble_krita/__init__.py")}
