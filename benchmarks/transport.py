"""A 12-megapixel layer to the backend and back, against libzmq alone carrying the same bytes.

    python benchmarks/transport.py [--rounds 15] [--json]

4000 x 3000 RGBA u8 (48 MB) through our client and a backend job that copies, and through a bare pyzmq DEALER and a
ROUTER that echoes, each in a process of its own over a Unix socket. Both take turns; the target is 1.3.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import tempfile
import time

import zmq
from dealer import echo, theirs
from own_backend import result_of, running
from shared_options import options_of, parser_for

from scumble_wire.messages import Copy, ImageInfo

INFO = ImageInfo(4000, 3000)
TARGET = 1.3


def main() -> None:
    parser = parser_for(__doc__, rounds=15, json=True)
    options = options_of(parser)
    payload = bytes(INFO.nbytes)
    line, far = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder, zmq.Context() as context, context.socket(zmq.DEALER) as bare:
        router = multiprocessing.Process(target=echo, args=(folder, far))
        router.start()
        bare.connect(line.recv()[0])
        with running("--device", "cpu") as client:
            result_of(client, Copy(ImageInfo(8, 8)), [bytes(256)])  # torch has been loaded
            pairs = []
            for _ in range(options.rounds):
                alone = theirs(bare, payload)
                began = time.perf_counter()
                result_of(client, Copy(INFO), [payload])
                pairs.append((alone, time.perf_counter() - began))
        bare.send(b"")
        router.join()
    alone_s, ours_s = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    best = min(pair[1] for pair in pairs) / min(pair[0] for pair in pairs)
    figures = {
        "bare_ms": round(alone_s * 1e3, 1),
        "scumble_ms": round(ours_s * 1e3, 1),
        "ratio_of_medians": round(ours_s / alone_s, 3),
        "ratio_of_best": round(best, 3),
        "target": TARGET,
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"4000 x 3000 RGBA u8 there and back, {options.rounds} rounds in turns")
    print(f"{'bare pyzmq echo':<28}{figures['bare_ms']:>8} ms")
    print(f"{'client, backend, copy job':<28}{figures['scumble_ms']:>8} ms")
    ratio = f"{figures['ratio_of_medians']} ({figures['ratio_of_best']})"
    print(f"{'ratio of medians (of best)':<28}{ratio:>16}, target {TARGET}")


if __name__ == "__main__":
    main()
