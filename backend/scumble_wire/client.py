"""The editors' end of the wire: say Hello, submit, poll for events. No threads, no asyncio.

A `Client` lives on one connection. When that is lost, `poll` raises ConnectionLost once, after it has handed out
what had arrived; the caller makes a new one if the user still wants something.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from . import codec, endpoint, running
from .dealer import Dealer
from .endpoint import Endpoint
from .errors import (
    AuthenticationFailed,
    BackendFailed,
    BackendSilent,
    ConnectionFailed,
    ConnectionLost,
    EndpointUnusable,
    MalformedMessage,
    TimedOut,
    WrongProtocol,
)
from .launch import LaunchCommand, launch_backend
from .messages import (
    PROTOCOL_VERSION,
    Alive,
    BackendMessage,
    Cancel,
    Cancelled,
    ClientMessage,
    Failed,
    Goodbye,
    Hello,
    ImageResult,
    KeepAlive,
    Welcome,
)
from .zmtp import Buffer, Plain

HANDSHAKE_S = 5.0  # a backend on this machine that takes longer for one address hangs
GOODBYE_S = 0.5
LEAST_PATIENCE_S = 5.0  # however short the lease is


@dataclass(frozen=True)
class Event:
    """One message of the backend."""

    request: int  # number that `submit` gave the message it answers; 0: sent unasked
    message: BackendMessage
    frames: list[bytearray | memoryview]  # bytes, writable and the receiver's own

    def picture(self) -> tuple[ImageResult, bytearray | memoryview] | None:
        """What ends an image job, with its pixels; None while the job goes on. Raises BackendFailed."""
        message = self.message
        if isinstance(message, ImageResult):
            return message, self.frames[message.image.frame]
        if isinstance(message, Failed):
            raise BackendFailed(message.code, message.message, remedy=message.remedy)
        if isinstance(message, Cancelled):
            raise BackendFailed("cancelled", "The job was cancelled.", remedy="Nothing was written.")
        return None


class Transport(Protocol):
    """What a client needs of a connection; `dealer.Dealer` is the real one, tests record theirs."""

    last_moved: float  # time.monotonic() when the last byte came or went

    def send(self, parts: Sequence[Buffer]) -> None: ...
    def receive(self) -> list[bytearray | memoryview] | None: ...
    def pump(self) -> None: ...
    def wait(self, timeout_s: float) -> None: ...
    def fileno(self) -> int: ...
    @property
    def wants_write(self) -> bool: ...
    def close(self) -> None: ...


class Client:
    """A conversation with the backend. Use from one thread; `with` closes it."""

    welcome: Welcome

    def __init__(self, transport: Transport, *, name: str, version: str, timeout_s: float = 30.0) -> None:
        """Say Hello over an open connection and wait for Welcome.

        Raises WrongProtocol, TimedOut, ConnectionLost, BackendFailed.
        """
        self._transport = transport
        self._next_request = 1
        self._events: list[Event] = []
        self._loss: ConnectionLost | None = None
        self._closed = False
        self._lease_s = 0.0  # 0: none yet
        self._renewal: int | None = None  # request number of a KeepAlive that isn't answered yet
        self._last_submit = time.monotonic()
        self._last_look = self._last_submit  # when the connection was last looked at
        self._silent_s = 0.0  # how long it was looked at since KeepAlive without anything moving
        answer = self.request(Hello(name, version, PROTOCOL_VERSION), timeout_s=timeout_s).message
        if not isinstance(answer, Welcome):
            raise ConnectionFailed(
                f"The backend greeted with {type(answer).__name__} instead of Welcome.", remedy="Restart the backend."
            )
        endpoint.check_protocol(answer.protocol, answer.backend_version)
        self.welcome = answer
        self._lease_s = answer.lease_s

    @classmethod
    def connect(
        cls,
        *,
        name: str,
        version: str,
        launch: LaunchCommand | Callable[[], LaunchCommand] | None = None,
        endpoint_file: Path | None = None,
        timeout_s: float = 30.0,
    ) -> Client:
        """Find the running backend, or launch one, and say Hello.

        name, version: of the program that connects ("krita", "5.2.9"). launch: how to start a backend if none runs,
        or what finds that out, as `launch.find_command`; None: don't. endpoint_file: where to look instead of the
        usual places. timeout_s: for everything together.
        Raises ConnectionFailed, AuthenticationFailed, BackendSilent, EndpointUnusable, WrongProtocol,
        BackendNotStarted, TimedOut. No second backend is launched beside one that runs but can't be talked to,
        and none where SCUMBLE_ENDPOINT leads to another machine.
        """
        places = [endpoint_file] if endpoint_file else endpoint.paths()
        deadline = time.monotonic() + timeout_s

        def probe() -> Client:
            return cls._connect_running(places, name=name, version=version, deadline=deadline)

        try:
            return probe()
        except AuthenticationFailed:
            raise  # a backend runs; a second one would not help
        except ConnectionFailed as error:
            if isinstance(error, (BackendSilent, EndpointUnusable)):
                _raise_if_one_runs(error, {endpoint.paths()[0].parent, *(place.parent for place in places)})
            if launch is None:
                raise
            if endpoint_file is None and (machine := endpoint.elsewhere()):
                raise ConnectionFailed(
                    f"The backend on {machine} can't be reached.",
                    remedy="Open the tunnel to it (docs/remote.md). To paint on this machine instead, "
                    "remove the variable SCUMBLE_ENDPOINT.",
                ) from error
        command = launch() if callable(launch) else launch
        return launch_backend(command, places[-1].parent, probe, deadline, endpoint_file=endpoint_file)

    @classmethod
    def _connect_running(cls, places: Sequence[Path], *, name: str, version: str, deadline: float) -> Client:
        failure: ConnectionFailed | None = None
        for place in places:
            try:
                found = endpoint.read(place)
            except ConnectionFailed as error:
                # "No file here" says less than what went wrong at another place.
                failure = error if failure is None or isinstance(failure.__cause__, FileNotFoundError) else failure
                continue
            try:
                return cls._connect_endpoint(found, name=name, version=version, deadline=deadline)
            except AuthenticationFailed:
                raise
            except ConnectionFailed as error:
                failure = error
        assert failure is not None  # there is at least one place
        raise failure

    @classmethod
    def _connect_endpoint(cls, found: Endpoint, *, name: str, version: str, deadline: float) -> Client:
        if found.stale:
            raise ConnectionFailed(
                f"The backend (process {found.pid}) is gone; it left its endpoint file behind.",
                remedy="Start it again: `scumble serve`.",
            )
        endpoint.check_protocol(found.protocol, found.backend_version)
        failures: list[ConnectionFailed] = []
        for address in found.addresses:
            timeout_s = min(HANDSHAKE_S, max(0.05, deadline - time.monotonic()))
            try:
                dealer = Dealer.connect(address, Plain(endpoint.USERNAME, found.secret), timeout_s)
            except AuthenticationFailed:
                raise
            except ConnectionFailed as error:
                failures.append(error)
                continue
            try:
                return cls(dealer, name=name, version=version, timeout_s=max(0.05, deadline - time.monotonic()))
            except ConnectionLost as error:
                dealer.close()
                raise ConnectionFailed("The backend left while saying hello.", remedy="Try again.") from error
            except BaseException:
                dealer.close()
                raise
        raise next((failure for failure in failures if isinstance(failure, BackendSilent)), failures[0])

    def submit(self, message: ClientMessage, frames: Sequence[Buffer] = ()) -> int:
        """Queue a message and send what goes at once; never blocks.

        Returns its request number, which all answers carry. The frames' memory must stay unchanged until
        `wants_write` is False. Raises MalformedMessage, ConnectionLost.
        """
        self._check_open()
        number = self._next_request
        self._transport.send([codec.encode(message, number), *frames])
        self._next_request += 1
        self._last_submit = time.monotonic()
        self._pump()
        return number

    def poll(self, timeout_s: float = 0.0) -> list[Event]:
        """Send, receive and renew the lease. Returns events as soon as there are any, or [] after `timeout_s`.

        Call it at least every third of `welcome.lease_s` while the connection is wanted. Raises ConnectionLost
        once the backend is gone.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if not self._events:
                self._check_open()
                self._renew()
                self._pump()
            if self._events:
                events, self._events = self._events, []
                return events
            self._check_open()
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            self._transport.wait(min(left, self._lease_s / 6 if self._lease_s else left))

    def request(self, message: ClientMessage, frames: Sequence[Buffer] = (), timeout_s: float = 30.0) -> Event:
        """Submit and wait for the first answer; other events stay for `poll`.

        Raises BackendFailed if the answer is Failed (WrongProtocol for that code), TimedOut, ConnectionLost.
        """
        number = self.submit(message, frames)
        deadline = time.monotonic() + timeout_s
        others: list[Event] = []
        try:
            while True:
                for index, event in enumerate(events := self.poll(max(0.0, deadline - time.monotonic()))):
                    if event.request == number:
                        others += events[index + 1 :]
                        return self._checked(event)
                    others.append(event)
                if time.monotonic() >= deadline:
                    raise TimedOut(
                        f"The backend did not answer {type(message).__name__} within {timeout_s:g} seconds.",
                        remedy="Try again; if it happens again, end the backend with `scumble stop`.",
                    )
        finally:
            self._events = others + self._events

    def cancel(self, job: str) -> None:
        """Ask to stop a job; its stream ends with Cancelled."""
        self.submit(Cancel(job))

    def fileno(self) -> int:
        """The socket's descriptor, for QSocketNotifier or a GLib watch; call `poll` when it can be read."""
        return self._transport.fileno()

    @property
    def wants_write(self) -> bool:
        """True while bytes wait for the socket; call `poll` when it can be written."""
        return self._transport.wants_write

    def close(self) -> None:
        """Say Goodbye and close. Waits at most half a second for what isn't sent; never raises."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(ConnectionLost, ConnectionFailed):
            if self._loss is None:
                self._transport.send([codec.encode(Goodbye(), self._next_request)])
                deadline = time.monotonic() + GOODBYE_S
                self._transport.pump()
                while self._transport.wants_write and (left := deadline - time.monotonic()) > 0:
                    self._transport.wait(left)
                    self._transport.pump()
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- inside --------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectionLost("The connection was closed.", remedy="Connect again.")
        if self._loss is not None:
            self._closed = True
            self._transport.close()
            raise self._loss

    def _pump(self) -> None:
        """Move bytes and collect events; a loss is kept until the events before it are handed out."""
        if self._loss is not None:
            return
        try:
            self._transport.pump()
        except ConnectionLost as error:
            self._loss = error
        while (parts := self._transport.receive()) is not None:
            self._collect(parts)
        if self._loss is None:
            self._check_alive()

    def _collect(self, parts: list[bytearray | memoryview]) -> None:
        try:
            message, number = codec.decode(parts[0])
        except MalformedMessage as error:
            # One answer that can't be read fails its request, not the connection.
            message, number = Failed(error.code, error.message, error.remedy), error.request
        if number == self._renewal and number:
            self._renewal = None
            if isinstance(message, Alive):
                return
        self._events.append(Event(number, cast(BackendMessage, message), parts[1:]))

    def _renew(self) -> None:
        silent_s = time.monotonic() - self._last_submit
        if self._lease_s and self._renewal is None and self._loss is None and silent_s > self._lease_s / 3:
            number = self._next_request
            self._next_request += 1
            self._last_submit = time.monotonic()
            self._renewal = number
            self._transport.send([codec.encode(KeepAlive(), number)])

    def _check_alive(self) -> None:
        """A backend that hangs doesn't close its socket: judge by its silence after a KeepAlive.

        Only time in which somebody looked counts: while the machine slept or the editor was busy, an answer can't
        have come, whatever the clock says.
        """
        now = time.monotonic()
        since = max(self._last_submit, self._transport.last_moved, self._last_look)
        if self._renewal is None or self._transport.last_moved > self._last_look:
            self._silent_s = 0.0
        else:
            self._silent_s += min(now - since, self._lease_s / 3)
        self._last_look = now
        if self._silent_s > max(self._lease_s, LEAST_PATIENCE_S):
            self._loss = ConnectionLost(
                f"The backend has said nothing for {self._silent_s:.0f} seconds. Your picture is unchanged.",
                remedy="End it with `scumble stop`, then try again.",
            )

    def _checked(self, event: Event) -> Event:
        if isinstance(event.message, Failed):
            failed = event.message
            if failed.code == WrongProtocol.code:
                raise WrongProtocol(failed.message, remedy=failed.remedy)
            raise BackendFailed(failed.code, failed.message, remedy=failed.remedy)
        return event


def _raise_if_one_runs(error: ConnectionFailed, folders: set[Path]) -> None:
    """Raise the error, with the backend's process number, if one holds its lock in one of the runtime folders."""
    found = [pid for folder in folders if (pid := running.backend_process(folder)) is not None]
    if not found:
        return
    if isinstance(error, BackendSilent):
        raise BackendSilent(
            f"The backend (process {found[0]}) runs but does not answer.",
            remedy="End it with `scumble stop`, then try again.",
        ) from error
    raise error
