"""The backend over real sockets with the real client."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_stage import Running, photo, run, stream_of
from packs.packs_factory import Factory

from scumble_backend import config
from scumble_backend.config import Settings
from scumble_wire.client import Client
from scumble_wire.errors import BackendFailed, ConnectionLost
from scumble_wire.messages import (
    FINAL,
    Accepted,
    Cancel,
    Cancelled,
    Configure,
    Copy,
    Done,
    GetStatus,
    GetThumbnail,
    ImageInfo,
    ImageResult,
    InspectPack,
    InstallPack,
    Jobs,
    ListJobs,
    ListPacks,
    PackDetails,
    Packs,
    PacksChanged,
    Progress,
    RemovePack,
    Shutdown,
    Status,
    StyleChoice,
    Stylize,
    Thumbnail,
    Upscale,
)


def test_welcome_tells_who_answers(backend: Running) -> None:
    welcome = backend.connect().welcome
    assert welcome.pid == backend.found.pid
    assert welcome.lease_s == 30.0


def test_a_copy_comes_back_byte_for_byte(backend: Running) -> None:
    client = backend.connect()
    info, pixels = ImageInfo(40, 30), photo()
    events = stream_of(client, client.submit(Copy(info), [pixels]))
    assert isinstance(events[0].message, Accepted)
    assert isinstance(events[-1].message, ImageResult)
    assert bytes(events[-1].frames[0]) == pixels


@pytest.mark.parametrize("pack", ["wave", "whole"])
def test_a_style_paints_and_keeps_size_and_alpha(backend: Running, pack: str) -> None:
    client = backend.connect()
    info, pixels = ImageInfo(41, 30), photo(41)
    events = stream_of(client, client.submit(Stylize(info, [StyleChoice(pack)]), [pixels]))
    result = events[-1].message
    assert isinstance(result, ImageResult), result
    assert result.image == info and result.device.startswith("cpu") and 0 < result.network_seconds <= result.seconds
    painted = np.frombuffer(events[-1].frames[0], np.uint8).reshape(30, 41, 4)
    assert (painted[..., 3] == 255).all() and painted.tobytes() != pixels
    fractions = [event.message.fraction for event in events if isinstance(event.message, Progress)]
    assert fractions == sorted(fractions) and any(
        event.message.stage == "painting" for event in events if isinstance(event.message, Progress)
    )


def test_strength_zero_returns_the_layer_exactly_hidden_colors_too(backend: Running) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 4), dtype=np.uint8).tobytes()
    event = run(backend.connect(), Stylize(ImageInfo(16, 16), [StyleChoice("wave")], strength=0.0), [pixels])
    assert bytes(event.frames[0]) == pixels


def test_what_is_hidden_under_transparency_changes_nothing_that_can_be_seen(backend: Running) -> None:
    client = backend.connect()
    results = []
    for garbage in (0, 255):
        pixels = np.frombuffer(photo(32, 32), np.uint8).reshape(32, 32, 4).copy()
        pixels[8:24, 8:24] = (garbage, 255 - garbage, garbage, 0)
        event = run(client, Stylize(ImageInfo(32, 32), [StyleChoice("wave")]), [pixels.tobytes()])
        results.append(np.frombuffer(event.frames[0], np.uint8).reshape(32, 32, 4))
    visible = results[0][..., 3] > 0
    assert (results[0][visible] == results[1][visible]).all()


def test_a_mask_places_two_styles(backend: Running) -> None:
    client = backend.connect()
    info, pixels = ImageInfo(32, 16), photo(32, 16)
    left = np.zeros((16, 32), np.uint8)
    left[:, :16] = 255
    mixed = [StyleChoice("wave", mask_frame=1), StyleChoice("night", mask_frame=2)]
    event = run(client, Stylize(info, mixed), [pixels, left.tobytes(), (255 - left).tobytes()])
    alone = run(client, Stylize(info, mixed[:1]), [pixels, left.tobytes()])
    assert isinstance(event.message, ImageResult) and isinstance(alone.message, ImageResult)
    assert bytes(event.frames[0]) != bytes(alone.frames[0])


def test_bicubic_enlarges_without_a_pack(backend: Running) -> None:
    event = run(backend.connect(), Upscale(ImageInfo(20, 10), 2.0, "bicubic"), [photo(20, 10)])
    assert isinstance(event.message, ImageResult), event.message
    assert (event.message.image.width, event.message.image.height) == (40, 20)
    assert len(event.frames[0]) == 40 * 20 * 4


def test_a_second_client_is_answered_while_a_job_runs(start: Callable[..., Running]) -> None:
    backend = start()
    busy, other = backend.connect(), backend.connect()
    run(busy, Stylize(ImageInfo(16, 16), [StyleChoice("wave")]), [photo(16, 16)])  # torch has been loaded
    busy.request(ListPacks())  # and the titles of the packs
    number = busy.submit(Stylize(ImageInfo(1400, 1400), [StyleChoice("wave")]), [photo(1400, 1400)])
    while not any(isinstance(e.message, Progress) and e.message.stage == "painting" for e in busy.poll(1.0)):
        pass
    began = time.monotonic()
    (job,) = [job for job in other.request(ListJobs()).message.jobs if job.state == "running"]  # type: ignore[union-attr]
    assert time.monotonic() - began < 1.0
    assert not job.mine and job.title == "Great Wave on 1400 x 1400"
    preview = run(other, Stylize(ImageInfo(16, 16), [StyleChoice("night")], priority="preview"), [photo(16, 16)])
    assert isinstance(preview.message, ImageResult)
    jobs = other.request(ListJobs()).message
    assert isinstance(jobs, Jobs)
    assert next(j.state for j in jobs.jobs if j.job == job.job) == "running", "the preview came first"
    assert isinstance(other.request(Cancel(job.job)).message, Done)
    assert isinstance(stream_of(busy, number)[-1].message, Cancelled)


def test_a_newer_preview_replaces_the_older_one(backend: Running) -> None:
    client = backend.connect()
    info, pixels = ImageInfo(600, 600), photo(600, 600)
    message = Stylize(info, [StyleChoice("wave")], priority="preview")
    older, newer = client.submit(message, [pixels]), client.submit(message, [pixels])
    ends: dict[int, Any] = {}
    deadline = time.monotonic() + 60
    while len(ends) < 2 and time.monotonic() < deadline:
        ends |= {event.request: event.message for event in client.poll(0.5) if isinstance(event.message, FINAL)}
    assert isinstance(ends[older], Cancelled) and ends[older].replaced
    assert isinstance(ends[newer], ImageResult)


def test_a_vanished_client_frees_its_job(start: Callable[..., Running]) -> None:
    backend = start(lease_s=1.0)
    gone, watcher = backend.connect("gone"), backend.connect("watcher")
    run(gone, Stylize(ImageInfo(16, 16), [StyleChoice("wave")]), [photo(16, 16)])
    gone.submit(Stylize(ImageInfo(2000, 2000), [StyleChoice("wave")]), [photo(2000, 2000)])
    gone.submit(Copy(ImageInfo(8, 8)), [photo(8, 8)])
    while gone.wants_write:
        gone.poll(0.05)
    gone._transport.close()  # as a killed editor does: no Goodbye
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        jobs = watcher.request(ListJobs()).message
        assert isinstance(jobs, Jobs)
        states = [job.state for job in jobs.jobs[1:]]
        if states == ["cancelled", "cancelled"]:
            break
        watcher.poll(0.1)
    assert states == ["cancelled", "cancelled"]
    assert watcher.request(GetStatus()).message.clients == 1  # type: ignore[union-attr]


def test_packs_are_listed_by_kind_and_shown(backend: Running) -> None:
    client = backend.connect()
    packs = client.request(ListPacks()).message
    assert isinstance(packs, Packs)
    assert [(pack.id, pack.title, pack.kind) for pack in packs.packs] == [
        ("wave", "Great Wave", "affine"),
        ("night", "Night", "affine"),
        ("whole", "Whole", "network"),
    ]
    assert client.request(ListPacks("upscale")).message.packs == []  # type: ignore[union-attr]
    event = client.request(GetThumbnail("wave", 32))
    assert isinstance(event.message, Thumbnail)
    assert (event.message.image.width, event.message.image.height, event.message.image.order) == (32, 24, "RGB")
    assert bytes(event.frames[0][:3]) == bytes((200, 40, 40))


def wait_for_change(client: Client) -> PacksChanged:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for event in client.poll(0.2):
            if isinstance(event.message, PacksChanged):
                assert event.request == 0
                return event.message
    raise AssertionError("nobody told that the packs changed")


def test_a_pack_is_inspected_installed_and_removed_and_everybody_hears_of_it(
    backend: Running, pack_files: Path
) -> None:
    client, other = backend.connect(), backend.connect()
    client.request(RemovePack("night"))
    revision = wait_for_change(other).revision
    raw = (pack_files / "night.scumble").read_bytes()
    looked = client.request(InspectPack(file_name="night.scumble"), [raw]).message
    assert isinstance(looked, PackDetails) and not looked.installed and looked.pack.id == "night"
    event = client.request(InstallPack(path=str(pack_files / "night.scumble")))
    assert isinstance(event.message, PackDetails) and event.message.installed
    assert event.message.thumbnail is not None and len(event.frames[0]) == event.message.thumbnail.nbytes
    assert wait_for_change(other).revision > revision
    assert isinstance(
        run(client, Stylize(ImageInfo(8, 8), [StyleChoice("night")]), [photo(8, 8)]).message, ImageResult
    )


def test_removing_the_last_pack_of_a_base_removes_the_base(backend: Running, tmp_path: Path) -> None:
    """As an editor removes packs: what only they needed goes with them."""
    (tmp_path / "made").mkdir()
    factory = Factory(tmp_path / "made")
    client, bases = backend.connect(), backend.places.packs / "bases"
    before = {path.name for path in bases.glob("*")}
    for name in ("one", "two"):
        client.request(InstallPack(path=str(factory.affine(name))))
    base = f"{factory.base_sha}.safetensors"
    client.request(RemovePack("one"))
    assert {path.name for path in bases.glob("*")} == {*before, base}
    client.request(RemovePack("two"))
    assert base not in {path.name for path in bases.glob("*")}


def test_a_pack_that_another_program_installs_is_noticed(backend: Running, pack_files: Path) -> None:
    client = backend.connect()
    client.request(ListPacks())
    shutil.copy(pack_files / "wave.scumble", backend.places.packs / "wave.scumble")
    wait_for_change(client)


def test_settings_are_kept_and_status_tells_them(backend: Running) -> None:
    client = backend.connect()
    status = client.request(Configure(memory_budget_mb=64, idle_release_s=5.0)).message
    assert isinstance(status, Status)
    assert (status.memory_budget_mb, status.idle_release_s, status.device_setting) == (64, 5.0, "cpu")
    assert config.load(backend.places.settings) == Settings("cpu", 64, 5.0)
    assert status.log_file == str(backend.places.log) and status.versions["torch"]
    with pytest.raises(BackendFailed) as failed:
        client.request(Configure(device="toaster"))
    assert failed.value.code == "config_damaged" and "toaster" in failed.value.message
    with pytest.raises(BackendFailed) as failed:
        client.request(Configure(photos="/no/such/folder"))
    assert failed.value.code == "file_trouble"


def test_a_device_that_is_not_there_fails_the_job_and_the_next_setting_works(start: Callable[..., Running]) -> None:
    backend = start(settings=Settings(device="cuda:77"))
    client = backend.connect()
    message = Stylize(ImageInfo(8, 8), [StyleChoice("wave")])
    failed = run(client, message, [photo(8, 8)]).message
    assert failed.code == "device_unavailable" and "cpu" in failed.remedy
    client.request(Configure(device="cpu"))
    assert isinstance(run(client, message, [photo(8, 8)]).message, ImageResult)


def test_networks_are_freed_when_nothing_happens(start: Callable[..., Running]) -> None:
    backend = start(settings=Settings(device="cpu", idle_release_s=0.3))
    client = backend.connect()
    run(client, Stylize(ImageInfo(8, 8), [StyleChoice("wave")]), [photo(8, 8)])
    assert client.request(GetStatus()).message.loaded_networks  # type: ignore[union-attr]
    deadline = time.monotonic() + 10
    while client.request(GetStatus()).message.loaded_networks:  # type: ignore[union-attr]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_shutdown_is_answered_then_the_connection_ends_and_nothing_is_left(backend: Running) -> None:
    client = backend.connect()
    number = client.submit(Stylize(ImageInfo(900, 900), [StyleChoice("wave")]), [photo(900, 900)])
    assert isinstance(client.request(Shutdown()).message, Done)
    events = []
    with pytest.raises(ConnectionLost):
        for _ in range(200):
            events += client.poll(0.2)
    del number, events
    assert not backend.endpoint_file.exists()
    assert not list(backend.endpoint_file.parent.glob("*.sock"))
    assert threading.active_count() >= 1


def test_a_client_that_was_silent_for_too_long_is_welcome_again(start: Callable[..., Running]) -> None:
    backend = start(lease_s=0.5)
    client, other = backend.connect(), backend.connect()
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        other.poll(0.1)  # renews its own lease; the first client sleeps
    assert other.request(GetStatus()).message.clients == 1  # type: ignore[union-attr]
    assert isinstance(client.request(GetStatus()).message, Status)
