"""What uninstalling takes and what it leaves, on every system's layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scumble_installer import commands, console, machine, places, uninstalling

SYSTEMS = ["linux", "windows", "macos"]


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's home of that system; this process believes that it runs there."""
    name = str(request.param)
    for variable in ("SCUMBLE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "SCUMBLE_ENVIRONMENTS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "AppData" / "Local"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(places, "system_name", lambda platform: name)
    monkeypatch.setattr(machine, "system_name", lambda platform: name)
    return name


def fill(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "something").write_text("x", "utf-8")


def install(prefix: Path | None) -> tuple[places.Places, Path]:
    """Folders as an installation has left them. Returns them and the pack of the user's."""
    here, backend = places.this_machine(prefix), places.this_machine()
    for folder in (here.versions / "1", here.environments, here.cache, backend.data / "trainings"):
        fill(folder)
    here.config.mkdir(parents=True, exist_ok=True)
    here.install_file.write_text(json.dumps({"data": str(here.data), "command": ["/nowhere"]}), "utf-8")
    fill(backend.data / "packs" / "bases")
    return here, backend.data / "packs" / "bases" / "something"


def left(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("elsewhere", [False, True], ids=["usual place", "--prefix"])
def test_packs_stay_where_the_last_line_says(
    system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], elsewhere: bool
) -> None:
    prefix = tmp_path / "big disk" / "scumble" if elsewhere else None
    here, pack = install(prefix)
    options = commands.Options(yes=True, keep_packs=True, prefix=prefix)
    assert uninstalling.uninstall(options, console.Console()) == 0
    assert left(tmp_path) == [str(pack.relative_to(tmp_path))]
    assert f"Your packs are still in {pack.parents[1]}." in capsys.readouterr().err
    assert not here.versions.exists()


def test_packs_that_an_older_version_has_put_beside_the_prefix_stay_too(system: str, tmp_path: Path) -> None:
    here, pack = install(tmp_path / "elsewhere")
    fill(here.data / "packs")
    options = commands.Options(yes=True, keep_packs=True, prefix=tmp_path / "elsewhere")
    assert uninstalling.uninstall(options, console.Console(quiet=True)) == 0
    assert left(tmp_path) == sorted([str(pack.relative_to(tmp_path)), "elsewhere/packs/something"])


def test_without_packs_nothing_is_said_to_remain(
    system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(None)
    options = commands.Options(yes=True, keep_packs=False)
    assert uninstalling.uninstall(options, console.Console()) == 0
    assert left(tmp_path) == []
    fill(places.this_machine().cache)
    assert uninstalling.uninstall(commands.Options(yes=True, keep_packs=True), console.Console()) == 0
    assert "There were no packs of yours to keep." in capsys.readouterr().err
    assert left(tmp_path) == []


def test_a_link_to_packs_elsewhere_is_not_followed(system: str, tmp_path: Path) -> None:
    _, pack = install(None)
    fill(tmp_path / "other")
    (pack.parents[2] / "link").symlink_to(tmp_path / "other")
    assert uninstalling.uninstall(commands.Options(yes=True), console.Console(quiet=True)) == 0
    assert left(tmp_path) == ["other/something"]
