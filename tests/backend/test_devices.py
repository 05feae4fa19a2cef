"""Several devices in one backend, the CPU standing in for each: jobs side by side, and devices that come and go."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backend_stage import Running, photo, run, stream_of

from scumble_backend.config import Settings
from scumble_backend.errors import ConfigDamaged, DeviceUnavailable
from scumble_backend.rendering import device as devices
from scumble_backend.rendering import worker
from scumble_backend.rendering.renderer import Renderer
from scumble_wire.messages import Configure, GetStatus, ImageInfo, ImageResult, StyleChoice, Stylize

SMALL = ImageInfo(40, 30)
JOB = Stylize(SMALL, [StyleChoice("wave")], priority="batch")


def wait_for_devices(client: Any, count: int) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = client.request(GetStatus()).message
        if status.device.count("cpu (") == count:
            return status
        time.sleep(0.05)
    raise AssertionError(f"no {count} devices, but {status.device!r}")


def meeting(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let every painting begin only when `count` of them are under way."""
    together, whole = threading.Barrier(count), Renderer.stylize

    def stylize(self: Renderer, *arguments: Any) -> Any:
        together.wait(30)
        return whole(self, *arguments)

    monkeypatch.setattr(Renderer, "stylize", stylize)


def test_two_devices_paint_at_the_same_time_with_the_same_bytes(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start(settings=Settings(device="cpu,cpu")).connect()
    wait_for_devices(client, 2)
    meeting(monkeypatch, 2)
    pixels = photo(40, 30)
    numbers = [client.submit(JOB, [pixels]) for _ in range(2)]
    ends: dict[int, Any] = {}
    deadline = time.monotonic() + 60
    while len(ends) < 2 and time.monotonic() < deadline:
        ends |= {event.request: event for event in client.poll(0.2) if isinstance(event.message, ImageResult)}
    assert sorted(ends) == sorted(numbers)
    one, two = (bytes(ends[number].frames[0]) for number in numbers)
    assert one == two


def test_a_job_on_the_second_device_can_be_cancelled(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start(settings=Settings(device="cpu,cpu")).connect()
    wait_for_devices(client, 2)
    begun = threading.Barrier(3)

    def endless(self: Renderer, message: Any, frames: Any, progress: Callable[[float, str], None]) -> Any:
        begun.wait(30)
        while True:
            progress(0.5, "painting")
            time.sleep(0.01)

    monkeypatch.setattr(Renderer, "stylize", endless)
    for _ in range(2):
        client.submit(JOB, [photo(40, 30)])
    events: list[Any] = []
    deadline = time.monotonic() + 60

    def named(kind: str) -> list[str]:
        return sorted(one.message.job for one in events if type(one.message).__name__ == kind)

    while len(named("Accepted")) < 2 and time.monotonic() < deadline:
        events += client.poll(0.2)
    begun.wait(30)
    for job in named("Accepted"):
        client.cancel(job)
    while len(named("Cancelled")) < 2 and time.monotonic() < deadline:
        events += client.poll(0.2)
    assert named("Cancelled") == named("Accepted") and len(named("Accepted")) == 2


def test_devices_come_and_go_with_the_settings(start: Callable[..., Running]) -> None:
    client = start().connect()
    wait_for_devices(client, 1)
    for setting, count in (("cpu,cpu,cpu", 3), ("cpu", 1), ("cpu,cpu", 2)):
        client.request(Configure(device=setting))
        wait_for_devices(client, count)
        assert isinstance(run(client, JOB, [photo(40, 30)]).message, ImageResult)


def test_auto_takes_all_devices_that_are_worth_it(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "like", lambda device: ("cpu",))
    client = start(settings=Settings(device="auto")).connect()
    wait_for_devices(client, 2)
    assert isinstance(stream_of(client, client.submit(JOB, [photo(40, 30)]))[-1].message, ImageResult)


def test_a_second_device_that_does_not_work_takes_no_jobs(start: Callable[..., Running]) -> None:
    client = start(settings=Settings(device="cpu,xpu:9")).connect()
    wait_for_devices(client, 1)
    for _ in range(3):
        assert isinstance(run(client, JOB, [photo(40, 30)]).message, ImageResult)


@pytest.mark.parametrize("setting", ["cuda:0,cuda:1", "cpu", "auto", "cpu,cpu"])
def test_settings_take_several_devices(setting: str) -> None:
    assert Settings(device=setting).devices == tuple(setting.split(","))


@pytest.mark.parametrize("setting", ["auto,cpu", "cpu,", ",", "cuda:0;cuda:1"])
def test_settings_refuse_what_is_no_list_of_devices(setting: str) -> None:
    with pytest.raises(ConfigDamaged):
        Settings(device=setting)


def test_free_memory_goes_back_to_the_system_after_a_job(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for each time, where usually some seconds lie between."""
    tidied = threading.Event()
    monkeypatch.setattr(worker, "TIDY_EVERY_S", 0.0)
    monkeypatch.setattr(Renderer, "tidy", lambda renderer: tidied.set())
    run(start().connect(), JOB, [photo(40, 30)])
    assert tidied.wait(10)


def test_what_the_last_job_left_goes_back_once_there_is_nothing_to_do(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    tidied = threading.Event()
    monkeypatch.setattr(worker, "TIDY_EVERY_S", 1.0)
    monkeypatch.setattr(Renderer, "tidy", lambda renderer: tidied.set())
    client = start().connect()
    run(client, JOB, [photo(40, 30)])
    assert tidied.wait(10)  # PyTorch was loaded in this time, so it is more than a second after the start
    tidied.clear()
    run(client, JOB, [photo(40, 30)])
    assert tidied.wait(10)


def test_ideep_remembers_few_sizes_in_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the variable while PyTorch is loaded, so that it has to be there before."""
    name, value = worker.REMEMBERED_SIZES
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)
    asked = threading.Event()
    seen: list[str | None] = []

    def make(settings: Settings) -> Renderer:
        seen.append(os.environ.get(name))
        asked.set()
        raise DeviceUnavailable("No device in this test.", remedy="None.")

    thread = worker.Worker(lambda report: None, Settings(), make)
    thread.start()
    thread.load()
    assert asked.wait(10)
    assert thread.leave(10)
    assert seen == [value]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no call for it")
def test_memory_that_lies_free_between_what_is_used_goes_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096

    size = 64 << 10  # below what malloc takes from the system piece by piece
    held = [libc.malloc(size) for _ in range(1600)]
    for place in held:
        ctypes.memset(place, 1, size)
    for place in held[:-1]:
        libc.free(place)
    before = resident()
    devices.trim_heap()
    assert before - resident() > 60e6
    libc.free(held[-1])
