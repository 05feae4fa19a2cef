"""The backend's sockets: the only file that imports zmq. The loop never computes and never waits for a job.

Bound first (a Unix socket in a private folder, and TCP on the loopback for Windows and for sandboxes that see no
foreign socket), then published in the endpoint file. Every connection shows the secret in its handshake, checked by
our own ZAP handler (RFC 27), before a single message of it is read. Where one of the two can't be bound, the other
serves alone.

The TCP port is ours from start to end, also while libzmq doesn't listen there because of too many connections: no
other program can take it and be shown the secret.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import os
import queue
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from scumble_backend import __version__
from scumble_backend.config import Places, Settings
from scumble_backend.errors import BackendRunning, NoSocket, from_os_error
from scumble_backend.packs.store import PackStore
from scumble_backend.serving.connections import TcpConnections, most_connections
from scumble_backend.serving.dispatcher import Dispatcher
from scumble_wire import codec, endpoint, running
from scumble_wire.endpoint import Endpoint
from scumble_wire.messages import BackendMessage

log = logging.getLogger("scumble.server")

TICK_MS = 250
BURST = 64  # messages handled before the other sockets get their turn
HANDSHAKE_MS = 5_000  # for a connection to show the secret
BACKLOG = 128  # TCP connections that wait to be accepted
LARGEST_FRAME = 17 << 30  # bytes; MAX_PIXELS of float RGBA, and a little more
LONGEST_SOCKET_PATH = 100  # bytes; the systems' limit is 104 or 108


class Server:
    """One backend: `run` blocks until it has been asked to leave."""

    def __init__(
        self,
        *,
        places: Places,
        settings: Settings,
        endpoint_files: Sequence[Path] = (),
        store: PackStore | None = None,
        lease_s: float = 30.0,
    ) -> None:
        self._places = places
        self._settings = settings
        self._files = list(endpoint_files) or endpoint.paths()
        self._store = store
        self._lease_s = lease_s
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._knock = threading.Lock()  # a zmq socket may be used by several threads, but by one at a time
        self._knocked = False
        self._leave = False
        self._tcp: socket.socket | None = None  # our listening socket, of which libzmq gets a copy
        self._door = ""  # its address as libzmq knows it; empty: nobody is let in just now
        self._tcp_count = TcpConnections(most_connections())

    def run(self, ready: Callable[[Endpoint], None] = lambda found: None) -> bool:
        """Serve. Returns False if a network still computes, which nothing but the end of the process can stop.

        Raises BackendRunning if another backend of this user runs, FileTrouble or DiskFull.
        ready: called with the endpoint once clients can connect.
        """
        folder = self._files[0].parent
        try:
            endpoint.make_private_folder(folder)
        except OSError as error:
            raise from_os_error(error, folder) from error
        with _alone(folder / running.LOCK_NAME), contextlib.ExitStack() as stack:
            context = zmq.Context()
            stack.callback(context.destroy, linger=0)
            self._open(context, stack)
            dispatcher = self._dispatcher = Dispatcher(
                send=self._send,
                post=self.post,
                places=self._places,
                settings=self._settings,
                store=self._store,
                lease_s=self._lease_s,
            )
            dispatcher.start()
            found = endpoint.new_endpoint(self._bind(folder, stack), __version__)
            self._secret = found.secret.encode()
            self._publish(found, stack)
            log.info("Serving at %s (process %d).", " and ".join(found.addresses), found.pid)
            with self._signals():
                ready(found)
                self._loop(dispatcher)
            log.info("Leaving.")
            for file in self._files:
                endpoint.remove(file, found)
            idle = dispatcher.close()
            self._run_calls()
            self._router.disable_monitor()
            self._router.close(linger=1000)
        log.info("Gone.")
        return idle

    def post(self, call: Callable[[], None]) -> None:
        """Have something called on the loop's thread. May be called from any thread."""
        self._calls.put(call)
        with self._knock:
            if not self._knocked and not self._waker.closed:
                self._knocked = True
                self._waker.send(b"", zmq.NOBLOCK)

    def leave(self) -> None:
        """End `run`. May be called from any thread."""

        def end() -> None:
            self._leave = True

        self.post(end)

    # --- opening -----------------------------------------------------------------------------------------

    def _open(self, context: zmq.Context[Any], stack: contextlib.ExitStack) -> None:
        self._zap = context.socket(zmq.REP)
        self._zap.linger = 0
        self._zap.bind("inproc://zeromq.zap.01")
        self._listener = context.socket(zmq.PULL)
        self._listener.bind("inproc://calls")
        self._waker = context.socket(zmq.PUSH)
        self._waker.connect("inproc://calls")
        router = self._router = context.socket(zmq.ROUTER)
        router.plain_server = True
        router.zap_domain = b"scumble"
        router.router_mandatory = True  # tells when a client is gone, instead of dropping what is meant for it
        router.sndhwm = router.rcvhwm = 0  # results are never dropped; leases bound what waits for a silent client
        router.maxmsgsize = LARGEST_FRAME
        router.handshake_ivl = HANDSHAKE_MS
        router.backlog = BACKLOG
        self._monitor = router.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        for opened in (self._zap, self._listener, router):
            stack.callback(opened.close, linger=0)

        def hang_up() -> None:
            with self._knock:
                self._waker.close(linger=0)

        stack.callback(hang_up)

    def _bind(self, folder: Path, stack: contextlib.ExitStack) -> tuple[str, ...]:
        """The addresses at which clients may come. Raises NoSocket if there are none."""
        addresses, troubles = [], []
        for kind, bind in (("Unix socket", self._bind_unix), ("TCP port", self._bind_tcp)):
            try:
                address = bind(folder, stack)
            except (zmq.ZMQError, OSError) as error:
                log.warning("The %s can't be opened: %s", kind, error)
                troubles.append(f"{kind}: {error}")
            else:
                addresses += [address] if address else []
        if not addresses:
            raise NoSocket(
                f"No socket could be opened ({'; '.join(troubles)}).",
                remedy="Close programs that hold many connections, check the network settings, and try again.",
            )
        return tuple(addresses)

    def _bind_unix(self, folder: Path, stack: contextlib.ExitStack) -> str:
        if sys.platform == "win32":
            return ""
        path = folder / f"backend-{os.getpid()}.sock"
        if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
            private = stack.enter_context(tempfile.TemporaryDirectory(prefix="scumble-"))
            path = Path(private) / "backend.sock"
        else:
            for left in folder.glob("backend-*.sock"):  # of backends that were killed: we hold the lock
                with contextlib.suppress(OSError):
                    left.unlink(missing_ok=True)
        self._router.bind(f"ipc://{path}")
        stack.callback(path.unlink, missing_ok=True)
        return f"ipc://{path}"

    def _bind_tcp(self, folder: Path, stack: contextlib.ExitStack) -> str:
        del folder
        if sys.platform == "win32":  # libzmq can't listen at a socket of ours there, and open files are no concern
            self._router.bind("tcp://127.0.0.1:*")
            return self._router.last_endpoint.decode().rstrip("\0")
        ours = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        ours.bind(("127.0.0.1", 0))
        ours.listen(BACKLOG)
        self._tcp = ours
        self._open_door()
        return "tcp://{}:{}".format(*ours.getsockname())

    def _open_door(self) -> None:
        """Let libzmq accept connections from our TCP port. It closes its own descriptor of it when it stops."""
        assert self._tcp is not None
        self._router.use_fd = self._tcp.dup().detach()
        try:
            self._router.bind("tcp://127.0.0.1:*")
        finally:
            self._router.use_fd = -1
        self._door = self._router.last_endpoint.decode().rstrip("\0")

    def _watch_door(self) -> None:
        """Count TCP connections; where there are too many, all of them are ended, and others can come in."""
        while self._monitor.poll(0):
            event = parse_monitor_message(self._monitor.recv_multipart())
            if event["endpoint"].startswith(b"tcp:"):
                count = self._tcp_count.came if event["event"] == zmq.EVENT_ACCEPTED else self._tcp_count.went
                count(event["value"])
        if self._tcp is None:
            return
        if not self._door:
            self._open_door()
        elif self._tcp_count.too_many:
            log.warning("%d connections by TCP are too many: all of them are ended.", len(self._tcp_count))
            self._router.unbind(self._door)  # ends what was accepted there, too
            self._door = ""
            self._tcp_count.clear()

    def _publish(self, found: Endpoint, stack: contextlib.ExitStack) -> None:
        """Write the endpoint file to every place where clients look; the first one must work."""
        for number, file in enumerate(self._files):
            try:
                endpoint.write(found, file)
            except OSError as error:
                if number == 0:
                    raise from_os_error(error, file) from error
                log.warning("The endpoint file %s can't be written: %s", file, error)
            else:
                stack.callback(endpoint.remove, file, found)

    # --- the loop ----------------------------------------------------------------------------------------

    def _loop(self, dispatcher: Dispatcher) -> None:
        poller = zmq.Poller()
        for polled in (self._router, self._zap, self._listener, self._monitor, self._signalled):
            poller.register(polled, zmq.POLLIN)
        while not (self._leave or dispatcher.leaving):
            ready = dict(poller.poll(TICK_MS))
            if self._signalled.fileno() in ready:
                log.info("Asked to leave by a signal.")
                return
            if self._monitor in ready or not self._door:
                self._guarded(self._watch_door)
            if self._zap in ready:
                self._authenticate()
            if self._listener in ready:
                self._run_calls()
            if self._router in ready:
                for _ in range(BURST):
                    if not self._receive(dispatcher):
                        break
            self._guarded(dispatcher.tick)

    def _guarded(self, call: Callable[[], None]) -> None:
        """What goes wrong in one call costs no other and never ends the loop."""
        try:
            call()
        except Exception:
            log.exception("Something unforeseen happened; serving goes on.")

    def _receive(self, dispatcher: Dispatcher) -> bool:
        """Take one message, if there is one. Large frames are not copied."""
        try:
            parts = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        client = parts[0].bytes
        header = parts[1].bytes if len(parts) > 1 and len(parts[1]) <= codec.MAX_HEADER_BYTES else b""
        dispatcher.receive(client, header, [part.buffer for part in parts[2:]])
        return True

    def _send(self, client: bytes, request: int, message: BackendMessage, frames: Sequence[Any]) -> None:
        if not client:
            return  # the backend asked itself
        try:
            self._router.send_multipart(
                [client, codec.encode(message, request), *frames], zmq.NOBLOCK, copy=not frames
            )
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            log.info("A client has gone without a word.")
            dispatcher = self._dispatcher
            self.post(lambda: dispatcher.lost(client))

    def _run_calls(self) -> None:
        with self._knock:
            self._knocked = False
            while self._listener.poll(0):
                self._listener.recv(zmq.NOBLOCK)
        while True:
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                return
            self._guarded(call)

    def _authenticate(self) -> None:
        """Answer libzmq's question whether a connection may come in (RFC 27)."""
        while self._zap.poll(0):
            version, number, _domain, _address, _identity, mechanism, *credentials = self._zap.recv_multipart()
            right = (
                mechanism == b"PLAIN"
                and len(credentials) == 2
                and hmac.compare_digest(credentials[0], endpoint.USERNAME.encode())
                and hmac.compare_digest(credentials[1], self._secret)
            )
            if not right:
                log.warning("Refused a connection with a wrong secret.")
            code, text = (b"200", b"OK") if right else (b"400", b"Wrong secret")
            self._zap.send_multipart([version, number, code, text, b"", b""])

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM, SIGINT and SIGHUP end the loop; outside of the main thread nothing is changed."""
        self._signalled, waker = socket.socketpair()
        with self._signalled, waker:
            waker.setblocking(False)

            def wake(number: int, frame: FrameType | None) -> None:
                with contextlib.suppress(BlockingIOError):
                    waker.send(b"!")

            names = [name for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
            if threading.current_thread() is not threading.main_thread():
                names = []
            old = {name: signal.signal(getattr(signal, name), wake) for name in names}
            try:
                yield
            finally:
                for name, handler in old.items():
                    signal.signal(getattr(signal, name), handler)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock that only one backend of a user can hold; a crash frees it. Raises BackendRunning."""
    try:
        file = path.open("a+b")
    except OSError as error:
        raise from_os_error(error, path) from error
    with file:
        if not running.hold(file):
            raise BackendRunning(
                "A backend of this user runs already.",
                remedy="Use that one, or stop it first with `scumble stop`. `scumble status` tells about it.",
            )
        yield
