"""Filters > Scumble > Install Style Pack: take in a pack file, after showing what is in it."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from scumble_wire.messages import InstallPack, PackDetails

from . import answers, arguments, declaring
from .pack_file import contents
from .session import Session, Steps
from .texts import _

NAME = "plug-in-scumble-install-pack"
PATIENCE_S = 600.0  # a foreign network is converted and tried out


def declare(plug_in: Any, name: str) -> Any:
    procedure = declaring.without_image(
        plug_in,
        name,
        run,
        label=_("_Install Style Pack…"),
        blurb=_("Install a style pack or an upscale network from a file"),
        help=_(
            "Takes .scumble packs, and networks of other programs (.safetensors, .pth, .onnx), which need a title "
            "and a license."
        ),
    )
    procedure.add_file_argument(
        "file", _("_File"), _("The pack file."), Gimp.FileChooserAction.OPEN, True, None, arguments.FLAGS
    )
    procedure.add_string_argument(
        "title", _("_Title"), _("Name for another program's network; empty for packs."), "", arguments.FLAGS
    )
    procedure.add_string_argument(
        "license", _("Lic_ense"), _("License of another program's network, such as MIT."), "", arguments.FLAGS
    )
    procedure.add_boolean_argument(
        "trust-changed-key",
        _("Trust the author's new _key"),
        _("Install although the pack is signed with another key than the one known."),
        False,
        arguments.FLAGS,
    )
    declaring.add_style_answer(procedure, _("The id of the installed pack."))
    return procedure


def run(procedure: Any, config: Any, data: object) -> Any:
    def work() -> Any:
        with Session() as session:
            if config.get_property("run-mode") == Gimp.RunMode.INTERACTIVE:
                from .dialogs.install import ask

                if not ask(procedure, config, session):
                    return answers.cancelled(procedure)
            steps = Steps(_("Installing the pack"))
            name = install(session, config)
            steps.end()
        return answers.success(procedure, style=name)

    return answers.guarded(procedure, work)


def install(session: Session, config: Any) -> str:
    """Install the chosen file; returns the pack's id. Raises ScumbleError."""
    name, data = contents(config)
    message = InstallPack(
        file_name=name,
        title=config.get_property("title") or "",
        license=config.get_property("license") or "",
        trust_changed_key=config.get_property("trust-changed-key"),
    )
    answer = session.ask(message, [data], PATIENCE_S).message
    assert isinstance(answer, PackDetails)
    return answer.pack.id
