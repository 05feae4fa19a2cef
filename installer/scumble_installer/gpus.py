"""Which graphics processors a machine has, and whether their drivers answer."""

from __future__ import annotations

import json
import platform
import re

from .facts import Gpu
from .machine import Machine, read_text

_PCI_VENDORS = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}


def find(machine: Machine) -> tuple[Gpu, ...]:
    """Every GPU with what is known of it; those with an answering driver first."""
    found = nvidia(machine)
    if machine.system == "macos":
        if platform.machine() == "arm64":
            found.append(Gpu("apple", "Apple silicon"))
    elif machine.system == "windows":
        found += _unseen(windows(machine), found)
    else:
        found += amd(machine)
        found += _unseen(sysfs(machine), found)
    return tuple(found)


def _unseen(more: list[Gpu], found: list[Gpu]) -> list[Gpu]:
    """Those of vendors that haven't answered themselves (sysfs lists every card, also the answered ones)."""
    answered = {gpu.vendor for gpu in found}
    return [gpu for gpu in more if gpu.vendor not in answered]


def nvidia(machine: Machine) -> list[Gpu]:
    """By nvidia-smi; drivers older than 2021 don't know the compute capability and are asked without it."""
    program = machine.which("nvidia-smi")
    if not program:
        return []
    for fields in ("name,memory.total,driver_version,compute_cap", "name,memory.total,driver_version"):
        answer = machine.run([program, "--query-gpu=" + fields, "--format=csv,noheader,nounits"])
        found = []
        for line in answer.splitlines():
            parts = [part.strip() for part in line.split(",")]
            if len(parts) >= 3 and re.match(r"\d+\.\d+", parts[2]):
                memory = int(parts[1]) if parts[1].isdigit() else 0
                found.append(Gpu("nvidia", parts[0], memory, parts[2], parts[3] if len(parts) > 3 else ""))
        if found:
            return found
    return []


def amd(machine: Machine) -> list[Gpu]:
    """By the kernel driver's own tables: what ROCm can compute on, with or without ROCm installed."""
    found = []
    for properties in sorted(machine.at("sys", "class", "kfd", "kfd", "topology", "nodes").glob("*/properties")):
        values = dict(line.split(" ", 1) for line in read_text(properties).splitlines() if " " in line)
        number = int(values.get("gfx_target_version", "0") or 0)
        if number:  # 0 is a processor, not a GPU
            major, minor, step = number // 10000, number // 100 % 100, number % 100
            name = read_text(properties.with_name("name")).strip() or "AMD GPU"
            found.append(Gpu("amd", name, 0, "amdgpu", f"gfx{major}{minor}{step:x}"))
    return found


def sysfs(machine: Machine) -> list[Gpu]:
    """Every card that Linux knows, whether or not a compute driver is there."""
    found = []
    for vendor_file in sorted(machine.at("sys", "class", "drm").glob("card[0-9]*/device/vendor")):
        if "-" in vendor_file.parents[1].name:  # card0-HDMI-A-1 is a connector
            continue
        vendor = _PCI_VENDORS.get(read_text(vendor_file).strip())
        if vendor is None:
            continue
        device = read_text(vendor_file.with_name("device")).strip().replace("0x", "")
        driver = vendor_file.with_name("driver")
        has_driver = driver.exists() and vendor == "intel"
        name = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"}[vendor] + " GPU " + device
        found.append(Gpu(vendor, name, 0, driver.resolve().name if has_driver else "", device))
    return found


def windows(machine: Machine) -> list[Gpu]:
    """By Windows' own inventory."""
    question = "Get-CimInstance Win32_VideoController | Select-Object Name,DriverVersion,PNPDeviceID | ConvertTo-Json"
    try:
        answer = json.loads(machine.run(["powershell", "-NoProfile", "-Command", question]) or "[]")
    except ValueError:
        return []
    found = []
    for card in answer if isinstance(answer, list) else [answer]:
        identity = re.search(r"VEN_([0-9A-F]{4})&DEV_([0-9A-F]{4})", str(card.get("PNPDeviceID", "")).upper())
        vendor = _PCI_VENDORS.get("0x" + identity.group(1).lower()) if identity else None
        if identity and vendor:
            device = identity.group(2).lower()
            found.append(Gpu(vendor, str(card.get("Name")), 0, str(card.get("DriverVersion") or ""), device))
    return found
