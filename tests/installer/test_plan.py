"""The planner, against recorded machines of every kind."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scumble_installer import plan
from scumble_installer.errors import InstallError
from scumble_installer.facts import Facts, from_json
from scumble_installer.plan import Wishes

Recorded = Callable[[str], Facts]
MACHINES = Path(__file__).parent / "machines"
VERSION = "0.1.0-0123abcd"


def install(facts: Facts, **wishes: object) -> plan.Plan:
    return plan.install(facts, Wishes(**wishes), VERSION)  # type: ignore[arg-type]


def builds(made: plan.Plan) -> list[str]:
    return [build["name"] for build in made.of_kind("environment")[0].details["builds"]]


def plugin_folders(made: plan.Plan) -> list[str]:
    return [step.details["plugins"] for step in made.of_kind("plugin")]


@pytest.mark.parametrize("name", sorted(path.stem for path in MACHINES.glob("*.json")))
def test_a_recorded_machine_survives_writing_and_reading(recorded: Recorded, name: str) -> None:
    facts = recorded(name)
    assert from_json(json.loads(json.dumps(facts.to_json()))) == facts


@pytest.mark.parametrize(
    ("name", "expected", "device"),
    [
        ("linux-rtx-all-editors", ["default"], "cuda"),
        ("linux-no-gpu", ["cpu", "default"], "cpu"),
        ("linux-old-driver", ["cu129", "cu128", "cu126", "cpu", "default"], "cuda"),
        ("linux-ancient-driver", ["cpu", "default"], "cpu"),
        ("linux-two-gpus-pascal", ["cu126", "cpu", "default"], "cuda"),
        ("linux-radeon", ["rocm7.2", "rocm7.1", "rocm7.0", "rocm6.4", "cpu", "default"], "rocm"),
        ("linux-old-radeon", ["cpu", "default"], "cpu"),
        ("linux-arc", ["xpu", "cpu", "default"], "xpu"),
        ("windows-rtx", ["cu132", "cu130", "default"], "cuda"),
        ("windows-no-gpu-32-bit-python", ["default"], "cpu"),
        ("macos-m2", ["default"], "mps"),
    ],
)
def test_pytorchs_build_fits_the_machine(recorded: Recorded, name: str, expected: list[str], device: str) -> None:
    made = install(recorded(name))
    assert builds(made) == expected
    assert made.of_kind("activate")[0].details["device"] == device


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("linux-ancient-driver", "driver 470.256.02 is too old"),
        ("linux-old-radeon", "polaris10 (gfx803): PyTorch's ROCm builds don't support it"),
        ("windows-rtx", "AMD Radeon(TM) Graphics: PyTorch uses AMD GPUs on Linux alone"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_mentioned_with_the_reason(recorded: Recorded, name: str, words: str) -> None:
    assert words in "\n".join(install(recorded(name)).notes)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("linux-old-python", "No Python was found that the backend runs on"),
        ("linux-no-venv", "apt install python3.13-venv"),
        ("linux-full-disk", "900 MB are free"),
        ("windows-arm", "SSH tunnel"),
        ("macos-intel", "SSH tunnel"),
    ],
)
def test_a_machine_that_cannot_do_it_is_told_what_to_do(recorded: Recorded, name: str, words: str) -> None:
    with pytest.raises(InstallError) as caught:
        install(recorded(name))
    assert words in str(caught.value)
    assert caught.value.remedy


def test_uv_makes_up_for_a_missing_venv_module(recorded: Recorded) -> None:
    facts = dataclasses.replace(recorded("linux-no-venv"), uv="/usr/bin/uv")
    assert install(facts).of_kind("environment")[0].details["uv"] == "/usr/bin/uv"


def test_every_editor_gets_its_plugin_once_for_each_folder(recorded: Recorded) -> None:
    facts = recorded("linux-rtx-all-editors")
    folders = plugin_folders(install(facts))
    assert len(folders) == len(set(folders)) == 7  # the AppImage's Krita reads the native one's folder
    assert set(folders) == {editor.plugins for editor in facts.editors}
    shared = next(s for s in install(facts).of_kind("plugin") if s.details["plugins"].endswith(".local/share/krita"))
    assert shared.title == "The plugin for Krita 5.2.9 (native) and Krita 5.3.1 (AppImage)"


def test_each_krita_has_the_plugin_enabled_in_its_own_settings(recorded: Recorded) -> None:
    made = install(recorded("linux-rtx-all-editors"))
    assert [step.details["settings"].removeprefix("/home/ada/") for step in made.of_kind("krita_enable")] == [
        ".config/kritarc",
        ".var/app/org.kde.krita/config/kritarc",
        "snap/krita/current/.config/kritarc",
    ]


def test_a_gimp_that_was_never_started_first_takes_over_the_older_settings(recorded: Recorded) -> None:
    made = install(recorded("linux-rtx-all-editors"))
    starts = made.of_kind("gimp_first_start")
    assert [step.details["settings"] for step in starts] == ["/home/ada/.config/GIMP/3.2"]
    kinds = [(step.kind, step.details.get("settings")) for step in made.steps]
    assert kinds.index(("gimp_first_start", "/home/ada/.config/GIMP/3.2")) < kinds.index(
        ("plugin", "/home/ada/.config/GIMP/3.2")
    )


def test_editors_in_a_sandbox_get_the_backend_as_a_service(recorded: Recorded) -> None:
    service = install(recorded("linux-rtx-all-editors")).of_kind("service")
    assert len(service) == 1
    assert "Krita 5.2.13 (Flatpak)" in service[0].title
    assert install(recorded("linux-no-gpu")).of_kind("service") == []
    assert len(install(recorded("linux-no-gpu"), service=True).of_kind("service")) == 1


def test_editors_that_are_too_old_get_no_plugin_and_a_word(recorded: Recorded) -> None:
    made = install(recorded("linux-ancient-driver"))
    assert plugin_folders(made) == []
    assert "Krita 4.2.9 (native) is too old" in "\n".join(made.notes)
    assert "GIMP 2.10.18 (native) is too old" in "\n".join(made.notes)


def test_windows_editors_of_every_kind_are_served(recorded: Recorded) -> None:
    made = install(recorded("windows-rtx"))
    assert len(plugin_folders(made)) == 4
    assert {step.details["settings"] for step in made.of_kind("krita_enable")} == {
        "C:\\Users\\Ada\\AppData\\Local\\kritarc",
        "C:\\Users\\Ada\\AppData\\Local\\Packages\\49800Krita_x\\LocalCache\\Local\\kritarc",
    }


def test_only_the_editors_that_were_asked_for(recorded: Recorded) -> None:
    facts = recorded("linux-rtx-all-editors")
    assert len(plugin_folders(install(facts, editors=("gimp-flatpak",)))) == 1
    assert plugin_folders(install(facts, editors=("none",))) == []
    assert all("krita" in folder for folder in plugin_folders(install(facts, editors=("krita",))))
    with pytest.raises(InstallError, match="No krita-store was found"):
        install(facts, editors=("krita-store",))


def test_a_device_can_be_chosen_if_the_machine_has_it(recorded: Recorded) -> None:
    facts = recorded("linux-rtx-all-editors")
    assert builds(install(facts, device="cpu")) == ["cpu", "default"]
    with pytest.raises(InstallError, match="rocm can't be used on this machine"):
        install(facts, device="rocm")
    with pytest.raises(InstallError, match=r"driver 470\.256\.02"):
        install(recorded("linux-ancient-driver"), device="cuda")


def test_the_self_test_comes_before_anything_that_editors_see(recorded: Recorded) -> None:
    kinds = [step.kind for step in install(recorded("linux-rtx-all-editors"), service=True).steps]
    assert kinds[:4] == ["environment", "version", "self_test", "activate"]
    assert {"plugin", "krita_enable", "service", "launcher"} & set(kinds[:3]) == set()


def test_a_plan_is_data(recorded: Recorded) -> None:
    made = install(recorded("linux-rtx-all-editors"))
    assert json.loads(json.dumps(made.to_json()))["steps"][0]["kind"] == "environment"


def test_offline_takes_only_the_build_of_the_kit(recorded: Recorded) -> None:
    facts = recorded("linux-no-gpu")
    made = install(facts, offline="/kit/wheels", offline_build="cpu")
    assert builds(made) == ["cpu"]
    assert made.download_mb == 0
    assert builds(install(facts, offline="/kit/wheels", offline_build="cu126")) == ["cu126"]


def test_what_is_there_needs_no_download(recorded: Recorded) -> None:
    facts = recorded("linux-no-gpu")
    made = plan.install(facts, Wishes(), VERSION, environment_there=True)
    assert made.download_mb == 0
    assert install(facts).download_mb == 300


def test_the_sizes_told_are_those_of_the_build_that_can_be_had(recorded: Recorded) -> None:
    facts, away = recorded("linux-no-gpu"), {"cpu": "its index doesn't answer"}
    made = plan.install(facts, Wishes(), VERSION, missing=away)
    assert builds(made) == ["default"]
    assert (made.download_mb, made.disk_mb) == (3052, 5850)
    assert "its index doesn't answer" in made.notes[0] and "much larger" in made.notes[0]
    with pytest.raises(InstallError, match="MB are needed"):
        plan.install(dataclasses.replace(facts, free_mb=4000), Wishes(), VERSION, missing=away)
    other = plan.install(recorded("linux-radeon"), Wishes(), VERSION, missing={"rocm7.2": "not there"})
    assert builds(other)[0] == "rocm7.1" and "rocm7.1 does the same" in other.notes[0]
    with pytest.raises(InstallError, match="None of PyTorch's builds"):
        plan.install(recorded("macos-m2"), Wishes(), VERSION, missing={"default": "gone"})


def test_the_machine_is_described_in_a_few_lines(recorded: Recorded) -> None:
    lines = plan.describe(recorded("linux-rtx-all-editors"))
    assert len(lines) == 5
    assert lines[2] == "GPU:     NVIDIA GeForce RTX 4070, driver 580.95.05"
    assert "Krita 5.2.13 (Flatpak), plugins in /home/ada/.var/app/org.kde.krita/data/krita" in lines[3]


def test_it_ends_with_where_to_click(recorded: Recorded) -> None:
    ending = install(recorded("linux-no-gpu")).ending
    assert "Settings > Dockers > Scumble" in ending[0]
    assert "Filters > Scumble" in ending[1]
