"""Detection of GPUs from recorded answers of drivers and tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scumble_installer import gpus
from scumble_installer.machine import Machine

Make = Callable[..., Machine]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_nvidias_own_tool(folder_machine: Make) -> None:
    lines = "NVIDIA GeForce RTX 4070, 12282, 580.95.05, 8.9\nNVIDIA H200, 143771, 580.95.05, 9.0\n"
    first, second = gpus.find(folder_machine(answers={"nvidia-smi": lines}))
    assert first == gpus.Gpu("nvidia", "NVIDIA GeForce RTX 4070", 12282, "580.95.05", "8.9")
    assert (second.name, second.memory_mb) == ("NVIDIA H200", 143771)


def test_an_old_driver_that_does_not_know_the_compute_capability(tmp_path: Path) -> None:
    class Old(Machine):
        def which(self, program: str) -> str:
            return program if program == "nvidia-smi" else ""

        def run(self, argv: object, timeout_s: float = 20.0) -> str:
            if "compute_cap" in str(argv):
                return 'Field "compute_cap" is not a valid field to query.\n'
            return "GeForce GTX 1080, 8119, 470.256.02\n"

    found = gpus.find(Old("linux", tmp_path, {}, tmp_path))
    assert found == (gpus.Gpu("nvidia", "GeForce GTX 1080", 8119, "470.256.02", ""),)


def test_a_driver_that_does_not_answer_leaves_the_card_with_no_driver(folder_machine: Make, tmp_path: Path) -> None:
    write(tmp_path / "sys/class/drm/card0/device/vendor", "0x10de\n")
    write(tmp_path / "sys/class/drm/card0/device/device", "0x2786\n")
    failed = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"
    (gpu,) = gpus.find(folder_machine(answers={"nvidia-smi": failed}))
    assert (gpu.vendor, gpu.driver) == ("nvidia", "")


@pytest.mark.parametrize(("number", "target"), [("110000", "gfx1100"), ("90010", "gfx90a"), ("120001", "gfx1201")])
def test_amds_kernel_driver_names_the_target(folder_machine: Make, tmp_path: Path, number: str, target: str) -> None:
    nodes = tmp_path / "sys/class/kfd/kfd/topology/nodes"
    write(nodes / "0/properties", "cpu_cores_count 16\ngfx_target_version 0\n")
    write(nodes / "1/properties", f"cpu_cores_count 0\ngfx_target_version {number}\n")
    write(nodes / "1/name", "navi31\n")
    write(tmp_path / "sys/class/drm/card1/device/vendor", "0x1002\n")  # the same card, seen again
    (gpu,) = gpus.find(folder_machine())
    assert (gpu.vendor, gpu.name, gpu.capability, gpu.driver) == ("amd", "navi31", target, "amdgpu")


def test_intels_cards_by_their_pci_id(folder_machine: Make, tmp_path: Path) -> None:
    device = tmp_path / "sys/class/drm/card0/device"
    write(device / "vendor", "0x8086\n")
    write(device / "device", "0x56a0\n")
    (tmp_path / "sys/bus/pci/drivers/xe").mkdir(parents=True)
    (device / "driver").symlink_to(tmp_path / "sys/bus/pci/drivers/xe")
    write(tmp_path / "sys/class/drm/card0-HDMI-A-1/device/vendor", "0x8086\n")
    (gpu,) = gpus.find(folder_machine())
    assert (gpu.vendor, gpu.capability, gpu.driver) == ("intel", "56a0", "xe")


def test_windows_own_inventory(folder_machine: Make) -> None:
    cards = [
        {"Name": "AMD Radeon(TM)", "DriverVersion": "32.0.1", "PNPDeviceID": "PCI\\VEN_1002&DEV_13C0&SUBSYS_1"},
        {"Name": "Microsoft Remote Display", "DriverVersion": "1", "PNPDeviceID": "SWD\\REMOTE"},
    ]
    (gpu,) = gpus.find(folder_machine("windows", {"powershell": json.dumps(cards)}))
    assert gpu == gpus.Gpu("amd", "AMD Radeon(TM)", 0, "32.0.1", "13c0")
    (single,) = gpus.find(folder_machine("windows", {"powershell": json.dumps(cards[0])}))
    assert single.vendor == "amd"
    assert gpus.find(folder_machine("windows", {"powershell": "nonsense"})) == ()


def test_a_machine_without_any(folder_machine: Make) -> None:
    assert gpus.find(folder_machine()) == ()
