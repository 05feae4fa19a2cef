"""The diagnosis for a bug report, with what only Krita's side knows."""

from scumble_editor import diagnosis as shared
from scumble_wire import __version__

from .model import Model


def diagnosis(model: Model, krita_version: str) -> str:
    more = []
    if model.layers.timings:
        parts = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in model.layers.timings.items())
        more.append(f"Last picture: {parts}")
    if model.context.mistakes.text:
        more.append(model.context.mistakes.text.rstrip())
    return shared.diagnosis(model.backend, f"Krita {krita_version}", __version__, more)
