"""The client's conversation: over a script where time and order matter, over libzmq where the road does."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

import pytest
from scripted_transport import ScriptedTransport
from wire.small_backend import SmallBackend

from scumble_wire import client as client_module
from scumble_wire import endpoint
from scumble_wire.client import Client
from scumble_wire.errors import (
    AuthenticationFailed,
    BackendFailed,
    BackendNotStarted,
    ConnectionFailed,
    ConnectionLost,
    MalformedMessage,
    TimedOut,
    WrongProtocol,
)
from scumble_wire.messages import (
    Accepted,
    Alive,
    Cancel,
    Cancelled,
    Copy,
    Done,
    Failed,
    GetStatus,
    Goodbye,
    ImageInfo,
    ImageResult,
    KeepAlive,
    ListPacks,
    Packs,
    PacksChanged,
    Progress,
    Welcome,
)


def connect(backend: SmallBackend) -> Client:
    return Client.connect(name="test", version="1.0", endpoint_file=backend.file)


# --- over libzmq -------------------------------------------------------------------------------------------------


def test_a_picture_goes_there_and_back_with_its_whole_stream(tmp_path: Path) -> None:
    pixels = os.urandom(640 * 480 * 4)
    with SmallBackend(tmp_path) as backend:
        with connect(backend) as client:
            assert client.welcome.pid == os.getpid()
            number = client.submit(Copy(ImageInfo(640, 480)), [pixels])
            events = []
            while not events or not isinstance(events[-1].message, ImageResult):
                events += client.poll(5.0)
        end = time.monotonic() + 10
        while not isinstance(backend.heard[-1], Goodbye) and time.monotonic() < end:
            time.sleep(0.01)
    assert [type(event.message) for event in events] == [Accepted, Progress, ImageResult]
    assert {event.request for event in events} == {number}
    assert events[-1].frames == [pixels]
    assert isinstance(backend.heard[-1], Goodbye)


def test_the_second_address_is_tried_when_the_first_is_out_of_reach(tmp_path: Path) -> None:
    """As in a Snap or Flatpak, which see no Unix socket of the host."""
    with SmallBackend(tmp_path) as backend:
        found = endpoint.Endpoint(
            ("ipc:///not/to/be/seen.sock", backend.tcp),
            backend.endpoint.secret,
            os.getpid(),
            1,
            "0.1.0",
            backend.endpoint.host,
        )
        endpoint.write(found, backend.file)
        with connect(backend) as client:
            assert client.welcome.backend_version == "0.1.0"
        endpoint.write(backend.endpoint, backend.file)


def test_a_wrong_secret_is_no_reason_to_start_another_backend(tmp_path: Path) -> None:
    with SmallBackend(tmp_path) as backend:
        wrong = endpoint.Endpoint((backend.tcp,), "wrong", os.getpid(), 1, "0.1.0", backend.endpoint.host)
        endpoint.write(wrong, tmp_path / "other.json")
        never = client_module.LaunchCommand(("/nonexistent",))
        with pytest.raises(AuthenticationFailed):
            Client.connect(name="t", version="1", endpoint_file=tmp_path / "other.json", launch=never)


def test_no_backend_is_started_here_where_the_user_named_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "server.json"
    found = endpoint.Endpoint(("tcp://127.0.0.1:1",), "s", 1, 1, "0.1.0", "a-server")
    endpoint.write(found, named)
    monkeypatch.setenv("SCUMBLE_ENDPOINT", str(named))
    never = client_module.LaunchCommand(("/nonexistent",))
    with pytest.raises(ConnectionFailed, match=r"a-server can't be reached.*docs/remote.md"):
        Client.connect(name="t", version="1", launch=never)
    assert endpoint.read(named) == found
    endpoint.write(endpoint.new_endpoint(("tcp://127.0.0.1:1",), "0.1.0"), named)  # a backend of this machine
    with pytest.raises(BackendNotStarted):
        Client.connect(name="t", version="1", launch=never)


def test_a_vanished_backend_is_told_once(tmp_path: Path) -> None:
    with SmallBackend(tmp_path) as backend:
        client = connect(backend)
    with pytest.raises(ConnectionLost, match="picture is unchanged"):
        for _ in range(3):
            client.poll(1.0)
    with pytest.raises(ConnectionLost, match="was closed"):
        client.poll()
    client.close()


def test_it_works_from_an_event_loop_that_watches_the_descriptor(tmp_path: Path) -> None:
    with SmallBackend(tmp_path) as backend, connect(backend) as client:
        payload = bytes(8 << 20)
        client.submit(Copy(ImageInfo(2048, 1024)), [payload])
        events = []
        while len(events) < 3:
            watched = [client.fileno()]
            readable, writable, _ = select.select(watched, watched if client.wants_write else [], [], 5.0)
            assert readable or writable
            events += client.poll()
    assert events[-1].frames[0] == payload


def test_submit_does_not_wait_for_a_backend_that_reads_nothing(tmp_path: Path) -> None:
    with SmallBackend(tmp_path) as backend, connect(backend) as client:
        started = time.monotonic()
        client.submit(Copy(ImageInfo(4096, 4096)), [bytes(4096 * 4096 * 4)])
        assert client.wants_write
        assert time.monotonic() - started < 1.0


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:99999999", "tcp://127.0.0.1:x", "tcp://", "ipc://", "", "x://y"]
)
def test_an_address_that_makes_no_sense_is_a_failed_connection(tmp_path: Path, address: str) -> None:
    found = endpoint.new_endpoint((address,), "0.1.0")
    endpoint.write(found, tmp_path / "e.json")
    with pytest.raises(ConnectionFailed, match="No backend answers"):
        Client.connect(name="t", version="1", endpoint_file=tmp_path / "e.json")


@pytest.mark.parametrize("stale", [True, False], ids=["its process is gone", "its process number was given away"])
def test_a_stale_endpoint_file_is_a_failed_connection(tmp_path: Path, stale: bool) -> None:
    with SmallBackend(tmp_path) as backend:
        old = backend.endpoint
    pid = _a_dead_pid() if stale else os.getpid()
    endpoint.write(endpoint.Endpoint(old.addresses, old.secret, pid, 1, "0.1.0", old.host), tmp_path / "old.json")
    with pytest.raises(ConnectionFailed, match="is gone" if stale else "No backend answers"):
        Client.connect(name="t", version="1", endpoint_file=tmp_path / "old.json")


def _a_dead_pid() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_no_endpoint_file_is_a_failed_connection_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="No backend is running") as caught:
        Client.connect(name="t", version="1", endpoint_file=tmp_path / "none.json")
    assert "scumble serve" in caught.value.remedy


# --- over a script -----------------------------------------------------------------------------------------------


def test_hello_comes_first_and_names_the_program() -> None:
    transport = ScriptedTransport()
    client = transport.client()
    (hello, number, _), *rest = transport.sent
    assert (hello.client, hello.client_version, hello.protocol, number) == ("test", "1.0", 1, 1)
    assert rest == []
    client.close()


@pytest.mark.parametrize(
    "answer",
    [Welcome("9.0", 2, 30.0, 1), Failed("wrong_protocol", "I speak 2.", "Update the plugin.")],
    ids=["found by us", "found by the backend"],
)
def test_another_protocol_version_is_told_so(answer: Welcome | Failed) -> None:
    with pytest.raises(WrongProtocol) as caught:
        ScriptedTransport(welcome=answer).client()
    assert "Update the" in caught.value.remedy and "plugin" in caught.value.remedy


def test_a_backend_that_greets_with_something_else_is_none() -> None:
    with pytest.raises(ConnectionFailed, match="Alive instead of Welcome"):
        ScriptedTransport(welcome=Alive()).client()


def test_a_failed_answer_becomes_an_error_with_the_backends_code() -> None:
    transport = ScriptedTransport(
        lambda m, f: [Failed("pack_unknown", "No pack x.", "Choose another.")] * (m == ListPacks())
    )
    with transport.client() as client, pytest.raises(BackendFailed) as caught:
        client.request(ListPacks())
    assert (caught.value.code, caught.value.message, caught.value.remedy) == (
        "pack_unknown",
        "No pack x.",
        "Choose another.",
    )


def test_request_leaves_other_events_for_poll_in_their_order() -> None:
    transport = ScriptedTransport(lambda m, f: [Packs([], 1)] if m == ListPacks() else [])
    with transport.client() as client:
        transport.say(PacksChanged(1))
        transport.say(Progress("j", 0.5, "painting"), 99)
        answer = client.request(ListPacks())
        transport.say(PacksChanged(2))
        later = client.poll()
        later += client.poll()
    assert answer.message == Packs([], 1)
    assert [event.message for event in later] == [PacksChanged(1), Progress("j", 0.5, "painting"), PacksChanged(2)]
    assert later[0].request == 0


def test_request_gives_up_in_time_and_the_late_answer_is_an_event() -> None:
    transport = ScriptedTransport()
    with transport.client() as client:
        with pytest.raises(TimedOut, match=r"GetStatus within 0.05 seconds"):
            client.request(GetStatus(), timeout_s=0.05)
        transport.say(Done(), 2)
        assert [event.request for event in client.poll()] == [2]


def test_cancel_sends_the_job_and_the_stream_ends_with_cancelled() -> None:
    transport = ScriptedTransport(lambda m, f: [Done(), Cancelled(m.job)] if isinstance(m, Cancel) else [])
    with transport.client() as client:
        client.cancel("j7")
        assert [event.message for event in client.poll()] == [Done(), Cancelled("j7")]


def test_an_answer_that_cannot_be_read_fails_its_request_and_not_the_connection() -> None:
    import msgpack

    transport = ScriptedTransport()
    with transport.client() as client:
        transport.say_raw([msgpack.packb({"type": "Progress", "request": 5, "job": 1})])
        transport.say_raw([b"\xc1"])
        transport.say(PacksChanged(1))
        first, second, third = client.poll()
    assert (first.request, first.message.code) == (5, "malformed")
    assert (second.request, second.message.code) == (0, "malformed")
    assert third.message == PacksChanged(1)


def test_what_came_before_a_loss_is_handed_out_first() -> None:
    transport = ScriptedTransport()
    client = transport.client()
    transport.say(PacksChanged(4))
    transport.lost = ConnectionLost("gone.")
    assert [event.message for event in client.poll()] == [PacksChanged(4)]
    with pytest.raises(ConnectionLost, match="gone"):
        client.poll()
    assert transport.closed
    with pytest.raises(ConnectionLost, match="was closed"):
        client.submit(GetStatus())


def test_a_message_that_cannot_be_encoded_takes_no_request_number() -> None:
    transport = ScriptedTransport()
    with transport.client() as client:
        with pytest.raises(MalformedMessage):
            client.submit(Cancel(5))  # type: ignore[arg-type]
        assert client.submit(Cancel("a")) == 2


class Clock:
    """time.monotonic and a transport's naps, under the test's control."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(client_module.time, "monotonic", lambda: self.now)


def test_polling_renews_the_lease_at_a_third_of_it_and_hides_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    transport = ScriptedTransport(last_moved=clock.now)
    client = transport.client()
    events = []
    for _ in range(100):  # 100 seconds of a lease of 30
        clock.now += 1.0
        events += client.poll()
    assert events == []
    assert 8 <= transport.messages.count(KeepAlive()) <= 10
    client.close()


def test_other_messages_renew_the_lease_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    transport = ScriptedTransport(lambda m, f: [Done()] if isinstance(m, Cancel) else [], last_moved=clock.now)
    client = transport.client()
    for _ in range(30):
        clock.now += 5.0
        client.request(Cancel("x"))
    assert KeepAlive() not in transport.messages
    client.close()


def test_a_backend_that_hangs_is_given_up_after_a_lease_of_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    transport = ScriptedTransport(silent=True, last_moved=clock.now)
    client = transport.client()
    with pytest.raises(ConnectionLost, match="said nothing for"):
        for _ in range(60):
            clock.now += 1.0
            client.poll()
    assert 40 <= clock.now - 1000.0 <= 43  # a third of the lease until KeepAlive, a lease of patience


def test_a_slow_line_that_still_moves_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    transport = ScriptedTransport(silent=True, last_moved=clock.now)
    client = transport.client()
    for _ in range(200):
        clock.now += 1.0
        transport.last_moved = clock.now
        client.poll()
    client.close()


def test_an_editor_that_was_busy_for_minutes_does_not_blame_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    transport = ScriptedTransport(last_moved=clock.now)
    client = transport.client()
    clock.now += 11
    client.poll()
    clock.now += 600
    assert client.poll() == []
    client.close()


def test_a_machine_that_slept_does_not_blame_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """KeepAlive is out, then both sleep: the answer can't have come yet, though the clock went on."""
    clock = Clock(monkeypatch)
    transport = ScriptedTransport(silent=True, last_moved=clock.now)
    client = transport.client()
    clock.now += 11
    client.poll()
    assert transport.messages == [KeepAlive()]
    for _ in range(2):
        clock.now += 3600
        assert client.poll() == []
    transport.say(Alive(), 2)
    transport.last_moved = clock.now = clock.now + 0.1
    assert client.poll() == []
    clock.now += 9
    assert client.poll() == []
    client.close()


def test_closing_says_goodbye_once_and_never_raises() -> None:
    transport = ScriptedTransport()
    client = transport.client()
    client.close()
    client.close()
    assert transport.messages == [Goodbye()]
    assert transport.closed

    broken = ScriptedTransport()
    client = broken.client()
    broken.lost = ConnectionLost("gone.")
    client.close()
    assert broken.closed
