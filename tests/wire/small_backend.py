"""A backend of a hundred lines on real libzmq: what the wire is tested against. Also a program, for launching.

python small_backend.py [--fail TEXT] [--delay SECONDS] serve
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "backend"))

import zmq

from scumble_wire import codec, endpoint, running
from scumble_wire.errors import MalformedMessage
from scumble_wire.messages import (
    PROTOCOL_VERSION,
    Accepted,
    Alive,
    Cancel,
    Cancelled,
    Copy,
    Done,
    Failed,
    Goodbye,
    Hello,
    ImageResult,
    KeepAlive,
    Message,
    Progress,
    Shutdown,
    Welcome,
)

UNENDING = "unending"  # title of a job that ends only where a file of this name lies beside the endpoint file
ZAP = "inproc://zeromq.zap.01"


class SmallBackend:
    """A ROUTER on a Unix socket and on TCP, in a thread of its own while in `with`.

    plain: PLAIN with the endpoint's secret, checked through ZAP; else NULL. echo: send every message back as it is,
    whatever it says. heartbeat_ms: libzmq's own PINGs.
    """

    def __init__(
        self, folder: Path, *, plain: bool = True, echo: bool = False, heartbeat_ms: int = 0, lease_s: float = 30.0
    ) -> None:
        self.heard: list[Message] = []
        self._echo, self._lease_s = echo, lease_s
        self._stop = threading.Event()
        self._context = zmq.Context()
        self._zap = self._context.socket(zmq.REP)
        self._zap.bind(ZAP)
        self._router = self._context.socket(zmq.ROUTER)
        self._router.linger = 0
        self._router.sndhwm = self._router.rcvhwm = 0
        if plain:
            self._router.plain_server = True
            self._router.zap_domain = b"scumble"
        if heartbeat_ms:
            self._router.heartbeat_ivl = heartbeat_ms
            self._router.heartbeat_timeout = 2 * heartbeat_ms
        # A Unix socket's path has room for some 100 bytes; pytest's own folders are longer.
        self._socket_folder = tempfile.TemporaryDirectory(prefix="scumble-")
        self.ipc = f"ipc://{self._socket_folder.name}/b.sock"
        self._router.bind(self.ipc)
        self.tcp = f"tcp://127.0.0.1:{self._router.bind_to_random_port('tcp://127.0.0.1')}"
        self.endpoint = endpoint.new_endpoint((self.ipc, self.tcp), "0.1.0")
        self.file = folder / endpoint.FILE_NAME
        endpoint.write(self.endpoint, self.file)
        self._thread = threading.Thread(target=self.serve)

    def __enter__(self) -> SmallBackend:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._zap, zmq.POLLIN)
        poller.register(self._router, zmq.POLLIN)
        try:
            while not self._stop.is_set():
                ready = dict(poller.poll(20))
                if self._zap in ready:
                    self._judge()
                if self._router in ready:
                    self._answer()
        finally:
            endpoint.remove(self.file, self.endpoint)
            self._zap.close()
            self._router.close()
            self._context.term()
            self._socket_folder.cleanup()

    def _judge(self) -> None:
        version, number, _, _, _, mechanism, *credentials = self._zap.recv_multipart()
        expected = [endpoint.USERNAME.encode(), self.endpoint.secret.encode()]
        right = mechanism == b"PLAIN" and credentials == expected
        self._zap.send_multipart([version, number, *((b"200", b"OK") if right else (b"400", b"No")), b"", b""])

    def _answer(self) -> None:
        sender, *parts = self._router.recv_multipart(copy=False)
        if self._echo:
            self._router.send_multipart([sender, *parts], copy=False)
            return
        try:
            message, request = codec.decode(parts[0].bytes)
        except MalformedMessage as error:
            self._say(sender, Failed(error.code, error.message, error.remedy), error.request)
            return
        self.heard.append(message)
        match message:
            case Hello():
                self._say(sender, Welcome("0.1.0", PROTOCOL_VERSION, self._lease_s, os.getpid()), request)
            case KeepAlive():
                self._say(sender, Alive(), request)
            case Copy():
                self._say(sender, Accepted("j1", 0), request)
                self._say(sender, Progress("j1", 0.5, "painting"), request)
                if message.title == UNENDING and not (self.file.parent / UNENDING).exists():
                    return
                self._say(sender, ImageResult("j1", message.image, "cpu", 0.1, 0.0), request, parts[1:])
            case Cancel():
                self._say(sender, Done(), request)
                self._say(sender, Cancelled(message.job), request)
            case Shutdown():
                self._say(sender, Done(), request)
                self._stop.set()
                time.sleep(0.05)  # the answer goes out before the socket closes
            case Goodbye():
                pass
            case _:
                self._say(sender, Failed("not_here", "Small backends can't do that.", "Use a large one."), request)

    def _say(self, sender: zmq.Frame, message: Message, request: int, frames: list[zmq.Frame] | None = None) -> None:
        self._router.send_multipart([sender, codec.encode(message, request), *(frames or [])], copy=False)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fail", default="")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("verb", choices=["serve"])
    options = parser.parse_args()
    time.sleep(options.delay)
    if options.fail:
        sys.exit(options.fail)
    place = endpoint.paths()[0]
    lock = (place.parent / running.LOCK_NAME).open("a+b")
    if not running.hold(lock):
        sys.exit("another one runs")
    # One line a start, so that a test can count them and see what they inherit.
    with (place.parent / "starts.txt").open("a") as starts:
        starts.write(f"{os.getpid()} {sorted(name for name in os.environ if name.startswith('PYTHON'))}\n")
    with contextlib.suppress(KeyboardInterrupt):
        SmallBackend(place.parent).serve()


if __name__ == "__main__":
    main()
