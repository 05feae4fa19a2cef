"""Installing packs from files, and removing them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scumble_editor.backend import Delivery
from scumble_editor.words import tr
from scumble_wire.errors import ScumbleError
from scumble_wire.messages import InspectPack, InstallPack, PackDetails, RemovePack

from .context import Context, Part, told
from .preview import Picture


@dataclass
class PackOffer:
    """A pack file that was looked into, for a person to decide about."""

    details: PackDetails
    picture: Picture | None
    file_name: str
    data: bytes


class PackFiles(Part):
    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.offer: PackOffer | None = None

    @told
    def look_into(self, path: str) -> None:
        """Have the backend look into a pack file; `offer` then tells what would be installed."""
        name = Path(path).name
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise ScumbleError(
                tr("{name} can't be read: {error}.", name=name, error=error.strerror or error),
                remedy=tr("Choose another file."),
            ) from error

        def looked(delivery: Delivery) -> None:
            assert isinstance(delivery.message, PackDetails)
            small = delivery.message.thumbnail
            picture = Picture(small, delivery.frames[small.frame]) if small is not None else None
            self.offer = PackOffer(delivery.message, picture, name, data)
            self.context.changed("pack_file")

        self.backend.dismiss_problem()
        self.backend.ask(InspectPack(file_name=name), [data], on_answer=looked)

    @told
    def install(self, title: str = "", license: str = "") -> None:
        """Install what is offered; title and license where it asked for them."""
        offer, self.offer = self.offer, None
        if offer is None:
            return
        message = InstallPack(
            file_name=offer.file_name, title=title, license=license, trust_changed_key=bool(offer.details.warning)
        )
        self.backend.ask(message, [offer.data], on_answer=lambda delivery: self.backend.refresh_packs())

    def refuse(self) -> None:
        self.offer = None

    @told
    def remove(self, pack: str) -> None:
        self.backend.ask(RemovePack(pack), on_answer=lambda delivery: self.backend.refresh_packs())
