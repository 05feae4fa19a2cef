"""For the benchmarks: a backend process of its own, with a style pack of the real size and weights made by chance."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import shared_options  # noqa: F401 - finds the packages

from scumble_backend import __version__
from scumble_cli.connection import this_program
from scumble_wire.client import Client
from scumble_wire.errors import ConnectionLost
from scumble_wire.messages import FINAL, ImageResult, Shutdown


@contextlib.contextmanager
def running(*options: str, threads: int = 0) -> Iterator[Client]:
    """A backend in an empty home; it leaves at the end. threads: of its convolutions, as torch chooses for 0."""
    with tempfile.TemporaryDirectory(prefix="scumble-bench-") as home:
        os.environ["SCUMBLE_HOME"] = home
        os.environ.pop("SCUMBLE_ENDPOINT", None)
        command = this_program(*options)
        if threads:
            python, flag, code, *more = command.argv
            code = f"import os; os.environ['OMP_NUM_THREADS'] = '{threads}'; {code}"
            command = replace(command, argv=(python, flag, code, *more))
        client = Client.connect(name="benchmark", version=__version__, launch=command)
        try:
            yield client
        finally:
            client.request(Shutdown())
            with contextlib.suppress(ConnectionLost):
                while True:
                    client.poll(1.0)
            client.close()


def install_style(name: str = "bench", family: str = "style") -> tuple[Any, Any]:
    """Install an affine pack of a family as it ships, with random weights; returns its network and table."""
    import torch

    from scumble_backend.nets import style, style_skip
    from scumble_backend.packs.archive import write_pack
    from scumble_backend.packs.making import affine_weights, base_file, style_architecture
    from scumble_backend.packs.manifest import Manifest
    from scumble_backend.packs.store import PackStore

    network: Any
    if family == "style":
        network = style.StyleNetwork(style.StyleNetworkConfig(width=24, upsampling="bilinear"))
        style.initialize(network, torch.Generator().manual_seed(0))
    else:
        network = style_skip.SkipStyleNetwork()
        style_skip.initialize(network, torch.Generator().manual_seed(0))
    base, table = base_file(network), network.plain_table()
    manifest = Manifest(
        id=name,
        title=name,
        kind="affine",
        architecture=style_architecture(network),
        license="CC0-1.0",
        base=sha256(base).hexdigest(),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.scumble"
        files = {"weights.safetensors": affine_weights(manifest, table), "base.safetensors": base}
        write_pack(path, manifest, files)
        PackStore().install(path)
    return network.eval(), table


def result_of(client: Client, message: Any, frames: list[Any]) -> ImageResult:
    """Run a job to its end."""
    number = client.submit(message, frames)
    while True:
        for event in client.poll(1.0):
            if event.request == number and isinstance(event.message, FINAL):
                if not isinstance(event.message, ImageResult):
                    raise SystemExit(f"the job failed: {event.message}")
                return event.message
