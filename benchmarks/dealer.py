"""How near our DEALER comes to libzmq's: 48 MB (4000 x 3000 RGBA u8) to an echoing ROUTER and back.

    python benchmarks/dealer.py [--rounds 15] [--json]

The ROUTER runs in a process of its own. Both DEALERs take turns; medians are compared, so a busy machine harms both.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection

import zmq
from shared_options import options_of, parser_for

from scumble_wire.dealer import Dealer

NBYTES = 4000 * 3000 * 4


def echo(folder: str, line: Connection) -> None:
    """A bare ROUTER that sends back what it gets, until it gets an empty message."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.bind(f"ipc://{folder}/r.sock")
        port = router.bind_to_random_port("tcp://127.0.0.1")
        line.send([f"ipc://{folder}/r.sock", f"tcp://127.0.0.1:{port}"])
        while True:
            parts = router.recv_multipart(copy=False)
            if len(parts[1]) == 0:
                return
            router.send_multipart(parts, copy=False)


def ours(dealer: Dealer, payload: bytes) -> float:
    """Seconds of one round trip."""
    started = time.perf_counter()
    dealer.send([payload])
    while (answer := dealer.receive()) is None:
        dealer.wait(10.0)
        dealer.pump()
    seconds = time.perf_counter() - started
    if len(answer[0]) != len(payload):
        raise SystemExit("the echo is wrong")
    return seconds


def theirs(socket: zmq.Socket[bytes], payload: bytes) -> float:
    """Seconds of one round trip."""
    started = time.perf_counter()
    socket.send(payload, copy=False)
    answer = socket.recv(copy=False)
    seconds = time.perf_counter() - started
    if len(answer) != len(payload):
        raise SystemExit("the echo is wrong")
    return seconds


def compare(
    address: str, context: zmq.Context[zmq.Socket[bytes]], nbytes: int, rounds: int
) -> dict[str, float | str]:
    """Medians of both, in milliseconds, and their ratio."""
    payload = bytes(nbytes)
    dealer = Dealer.connect(address)
    with context.socket(zmq.DEALER) as socket:
        socket.connect(address)
        pairs = [(ours(dealer, payload), theirs(socket, payload)) for _ in range(rounds + 2)][2:]
    dealer.close()
    our_ms, their_ms = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "road": address.partition(":")[0],
        "nbytes": nbytes,
        "ours_ms": round(our_ms, 2),
        "libzmq_ms": round(their_ms, 2),
        "ratio": round(our_ms / their_ms, 2),
    }


def main() -> None:
    parser = parser_for(__doc__, rounds=15, json=True)
    options = options_of(parser)
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory(prefix="scumble-") as folder, zmq.Context() as context:
        process = multiprocessing.Process(target=echo, args=(folder, there))
        process.start()
        addresses = here.recv()
        results = [compare(road, context, size, options.rounds) for road in addresses for size in (NBYTES, 100)]
        with context.socket(zmq.DEALER) as socket:
            socket.connect(addresses[0])
            socket.send(b"")
            process.join()
    if options.json:
        print(json.dumps(results))
        return
    line = "{road:4} {nbytes:>9} bytes: ours {ours_ms:7.2f} ms, libzmq {libzmq_ms:7.2f} ms, ratio {ratio:.2f}"
    for result in results:
        print(line.format(**result))


if __name__ == "__main__":
    main()
