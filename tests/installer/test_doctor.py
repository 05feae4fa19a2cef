"""The doctor's judgement: every fault is found from what was seen, explained, and mended or left to the person."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scumble_installer import doctor, environment, symptoms
from scumble_installer.commands import Options
from scumble_installer.facts import Facts, Gpu
from scumble_installer.places import user_places
from scumble_installer.symptoms import Observed, PluginState

Recorded = Callable[[str], Facts]

WELL = Observed(
    free_mb=50_000,
    installed=True,
    version_folder="/data/versions/0.1.0-abc",
    version_complete=True,
    environment="/data/environments/backend-3.13-abc",
    device="cpu",
    torch_devices=("cpu",),
    plugins=(PluginState("Krita 5.2.9 (native)", True), PluginState("GIMP 3.0.4 (native)", True)),
    runtime_folder="/run/user/1000/scumble",
)
KRITA, GIMP = WELL.plugins


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("disk_full", {"free_mb": 12}),
        ("not_installed", {"installed": False}),
        ("not_installed", {"installed": False, "never_installed": True}),
        ("backend_missing", {"version_complete": False}),
        ("environment_broken", {"import_error": "ImportError: libtorch.so: file too short"}),
        ("packs_damaged", {"packs_error": "great-wave missing"}),
        ("own_packs_damaged", {"damaged_packs": ("/data/packs/mine.scumble: it is not a zip file.",)}),
        ("command_missing", {"launcher_missing": True}),
        ("service_outdated", {"service_outdated": True}),
        ("plugin_missing", {"plugins": (PluginState("Krita 5.2.9 (native)", False),)}),
        ("editor_updated", {"plugins": (PluginState("GIMP 3.2.0 (native)", False, elsewhere="/GIMP/3.0/plug-ins"),)}),
        ("plugin_differs", {"plugins": (dataclasses.replace(KRITA, current=False),)}),
        ("plugin_not_executable", {"plugins": (dataclasses.replace(GIMP, executable=False),)}),
        ("plugin_disabled", {"plugins": (dataclasses.replace(KRITA, enabled=False),)}),
        ("socket_blocked", {"runtime_problem": "/run/user/1000/scumble is in the way: it should be a folder."}),
        ("port_blocked", {"loopback_error": "[Errno 111] Connection refused"}),
        ("stale_endpoint", {"stale_endpoint": "/run/user/1000/scumble/endpoint.json"}),
        ("leftovers", {"leftovers": ("/data/environments/backend-3.13-def",)}),
        ("variable_misleads", {"misleading": (("SCUMBLE_ENDPOINT", "names /old.json, which isn't there"),)}),
        ("service_missing", {"service_missing": ("Krita 5.2.9 (Flatpak)",)}),
    ],
)
def test_each_fault_alone_is_named_and_explained(recorded: Recorded, code: str, changes: dict[str, object]) -> None:
    faults = doctor.diagnose(dataclasses.replace(WELL, **changes), recorded("linux-no-gpu"))  # type: ignore[arg-type]
    assert [fault.code for fault in faults] == [code]
    assert faults[0].what.endswith(".")
    assert faults[0].why.endswith(".")


def test_variables_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    there = tmp_path / "endpoint.json"
    there.write_text("{}", "utf-8")
    well = {"SCUMBLE_ENDPOINT": str(there), "SCUMBLE_BACKEND": f"'{sys.executable}' -m scumble_backend"}
    assert symptoms.misleading_variables(well) == symptoms.misleading_variables({}) == []
    gone = {
        "SCUMBLE_ENDPOINT": str(tmp_path / "old.json"),
        "SCUMBLE_BACKEND": f"{tmp_path}/python -m scumble_backend",
    }
    assert [name for name, _ in symptoms.misleading_variables(gone)] == ["SCUMBLE_ENDPOINT", "SCUMBLE_BACKEND"]
    assert symptoms.misleading_variables({"SCUMBLE_BACKEND": "'unclosed"})


def test_packs_that_ship_are_told_from_those_of_the_user() -> None:
    version = Path("/data/versions/1")
    ours, theirs = f"{version}/lib/starter_packs/udnie.scumble: is damaged.", "/data/packs/my.scumble: is damaged."
    assert symptoms.judge_packs(version, {"great-wave"}, []) == ("", ())
    assert symptoms.judge_packs(version, {"great-wave"}, [ours, theirs]) == (ours, (theirs,))
    assert symptoms.judge_packs(version, set(), [theirs]) == ("great-wave is missing", (theirs,))


def test_a_graphics_card_that_cannot_be_used_is_no_fault_but_a_word(recorded: Recorded) -> None:
    facts = recorded("linux-ancient-driver")
    assert any("too old for PyTorch" in line for line in doctor.remarks(Options(), facts))
    assert doctor.remarks(Options(device="cpu"), facts) == doctor.remarks(Options(), recorded("linux-no-gpu")) == []
    assert "SSH tunnel" in doctor.remarks(Options(), recorded("macos-intel"))[0]


def test_a_well_installation_has_no_fault(recorded: Recorded) -> None:
    assert doctor.diagnose(WELL, recorded("linux-no-gpu")) == []


def test_a_gpu_that_came_later_asks_for_another_pytorch(recorded: Recorded) -> None:
    facts = dataclasses.replace(
        recorded("linux-no-gpu"), gpus=(Gpu("nvidia", "NVIDIA GeForce RTX 5090", 32607, "581.57", "12.0"),)
    )
    (fault,) = doctor.diagnose(WELL, facts)
    assert fault.code == "wrong_torch"
    assert fault.reinstall
    assert doctor.diagnose(dataclasses.replace(WELL, device_asked="cpu"), facts) == []  # chosen, so all right


def test_a_gpu_that_pytorch_does_not_see_is_another_fault(recorded: Recorded) -> None:
    seen = dataclasses.replace(WELL, device="cuda")
    (fault,) = doctor.diagnose(seen, recorded("linux-rtx-all-editors"))
    assert fault.code == "gpu_not_seen"
    assert (
        doctor.diagnose(dataclasses.replace(seen, torch_devices=("cpu", "cuda")), recorded("linux-old-driver")) == []
    )


def test_editors_that_are_too_old_are_mentioned(recorded: Recorded) -> None:
    codes = [fault.code for fault in doctor.diagnose(WELL, recorded("linux-ancient-driver"))]
    assert codes == ["editor_too_old", "editor_too_old"]


def test_damage_is_removed_before_it_is_mended(recorded: Recorded) -> None:
    broken = dataclasses.replace(WELL, import_error="ImportError: no torch")
    (fault,) = doctor.diagnose(broken, recorded("linux-no-gpu"))
    assert fault.remove == (WELL.environment, WELL.version_folder)
    shared = dataclasses.replace(broken, environment="")  # somebody else's: not ours to remove
    assert doctor.diagnose(shared, recorded("linux-no-gpu"))[0].remove == (WELL.version_folder,)


# --- looking ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (lambda folder: folder.write_text("x", "utf-8"), "it should be a folder"),
        (lambda folder: (folder.mkdir(), folder.chmod(0o755)), "open to others"),
        (lambda folder: (folder.mkdir(), folder.chmod(0o500)), "can't be written to"),
        (lambda folder: folder.symlink_to("/tmp"), "it should be a folder"),
    ],
)
def test_a_runtime_folder_that_cannot_be_used(tmp_path: Path, plant: Callable[[Path], object], words: str) -> None:
    folder = tmp_path / "runtime"
    assert symptoms.runtime_problem(folder) == ""
    plant(folder)
    assert words in symptoms.runtime_problem(folder)


def test_a_usable_runtime_folder(tmp_path: Path) -> None:
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    assert symptoms.runtime_problem(folder) == ""


@pytest.mark.parametrize(
    ("content", "stale"),
    [({"pid": 2**22 - 3}, True), ({"pid": os.getpid()}, False), ({"nothing": 1}, True), ("no json", True)],
)
def test_an_endpoint_file_without_a_backend(tmp_path: Path, content: object, stale: bool) -> None:
    assert symptoms.stale_endpoint(tmp_path) == ""
    path = tmp_path / "endpoint.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    assert symptoms.stale_endpoint(tmp_path) == (str(path) if stale else "")


def test_this_machine_lets_programs_talk_to_themselves() -> None:
    assert symptoms.loopback_error() == ""


def test_half_made_folders_are_leftovers_and_whole_ones_are_not(tmp_path: Path) -> None:
    here = user_places("linux", tmp_path, {})
    for name, whole in (("backend-1", True), ("backend-2", False)):
        folder = here.environments / name
        environment.python_in(folder).parent.mkdir(parents=True)
        environment.python_in(folder).touch()
        if whole:
            environment.write_stamp(folder, {})
    (here.environments / "backend-2.downloads").mkdir()
    names = [Path(path).name for path in symptoms.leftovers(here)]
    assert names == ["backend-2", "backend-2.downloads"]


def test_removing_a_damaged_environment_takes_its_stamp_first(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    folder.mkdir()
    (folder / environment.STAMP).write_text("{}", "utf-8")
    doctor.remove(folder)
    doctor.remove(tmp_path / "not there")
    file = tmp_path / "endpoint.json"
    file.touch()
    doctor.remove(file)
    assert list(tmp_path.iterdir()) == []
