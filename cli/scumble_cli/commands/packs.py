"""`scumble packs`: install, look at, check, sign and share style packs. Works on the files; needs no backend."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scumble_cli import connection
from scumble_wire.messages import PackInfo

if TYPE_CHECKING:
    from scumble_backend.packs.catalog import Catalog
    from scumble_backend.packs.store import PackStore

KINDS = ("style", "affine", "network", "upscale", "mix")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PackId = Annotated[str, typer.Argument(help="The pack's id, as `scumble packs list` shows it.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Install, look at, check, sign and share style packs.", no_args_is_help=True)
    for name, command in (
        ("list", list_packs),
        ("add", add),
        ("remove", remove),
        ("info", info),
        ("verify", verify),
        ("export", export),
        ("sign", sign),
        ("search", search),
        ("gallery", gallery),
        ("repair", repair),
    ):
        group.command(name)(command)
    app.add_typer(group, name="packs")


def _store() -> PackStore:
    from scumble_backend.packs.store import PackStore

    return PackStore()


def list_packs(
    as_json: Json = False,
    kind: Annotated[str, typer.Option(help="style, affine, network or upscale; all by default.")] = "",
) -> None:
    """List the packs that are installed."""
    if kind not in ("", *KINDS):
        raise typer.BadParameter(f"{kind!r} is not one of {', '.join(KINDS)}.", param_hint="--kind")
    from rich.table import Table
    from rich.text import Text

    store = _store()
    infos = [pack.info() for pack in store.list(kind)]
    problems = store.problems()
    if as_json:
        connection.print_json([asdict(found) for found in infos])
    else:
        table = Table("id", "title", "kind", "version", "license", "from", box=None, pad_edge=False)
        for found in infos:
            # Text, not str: a title from a stranger must not be read as markup
            shown = (found.id, found.title, found.kind, found.version, found.license, found.source)
            table.add_row(*map(Text, shown))
        connection.output().print(table)
    for path, error in problems.items():
        typer.echo(f"{path}: {error}", err=True)  # the doctor reads these lines


def add(
    what: Annotated[str, typer.Argument(metavar="FILE|URL|FOLDER", help="A pack, a foreign network, or packs.")],
    title: Annotated[str, typer.Option(help="Title, when a foreign network is imported.")] = "",
    license_: Annotated[str, typer.Option("--license", help="SPDX license of a foreign network.")] = "",
    author: Annotated[list[str] | None, typer.Option(help="Author of a foreign network; may be repeated.")] = None,
    painting: Annotated[str, typer.Option(help="Title of the painting a foreign style was learned from.")] = "",
    painting_license: Annotated[str, typer.Option(help="Its license, or 'public domain'.")] = "",
    thumbnail: Annotated[Path | None, typer.Option(help="Picture for a foreign network (PNG, JPEG, WebP).")] = None,
    trust_changed_key: Annotated[bool, typer.Option(help="Install although the author's key has changed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask for what is missing; fail instead.")] = False,
    as_json: Json = False,
) -> None:
    """Install a pack, a PyTorch, ONNX or upscaling network of another program, or all packs of a folder."""
    from scumble_backend.errors import from_os_error
    from scumble_backend.packs import adding, foreign
    from scumble_backend.packs.manifest import Painting

    path = Path(what)
    if not yes and not as_json and path.is_file() and foreign.is_foreign(path):
        title = title or typer.prompt("Title", default=path.stem)
        license_ = license_ or typer.prompt("License of the network (SPDX, such as CC-BY-4.0, or 'unknown')")
    files = {}
    if thumbnail is not None:
        try:
            files[f"thumbnail{thumbnail.suffix.lower().replace('.jpeg', '.jpg')}"] = thumbnail.read_bytes()
        except OSError as error:
            raise from_os_error(error, thumbnail, "read") from error
    answers = foreign.Answers(
        title,
        license_,
        tuple(author or ()),
        Painting(painting, license=painting_license) if painting else None,
        files,
    )
    with _Bar() as bar:
        packs = adding.add(_store(), what, answers=answers, trust_changed_key=trust_changed_key, progress=bar.show)
    if as_json:
        connection.print_json([asdict(pack.info()) for pack in packs])
        return
    for pack in packs:
        typer.echo(f"Installed {pack.manifest.title} ({pack.id} {pack.manifest.version}).")


def remove(pack_id: PackId) -> None:
    """Remove a pack, and base networks that no other pack needs."""
    bases = _store().remove(pack_id)
    typer.echo(f"Removed {pack_id}" + (f" and {len(bases)} base network that nothing needs now." if bases else "."))


def info(
    what: Annotated[str, typer.Argument(metavar="ID|FILE", help="An installed pack, or a file to look into.")],
    as_json: Json = False,
) -> None:
    """Show what a pack says about itself, installed or before it is."""
    from rich.table import Table
    from rich.text import Text

    from scumble_backend.packs import adding

    store = _store()
    path = Path(what)
    warning = ""
    if path.is_file():
        seen = adding.look(store, path)
        found, warning = seen.info, seen.warning
        details = {"size_bytes": seen.size_bytes, "replaces": seen.replaces, "needs": seen.needs, "warning": warning}
        manifest: dict[str, Any] = {} if seen.needs else _manifest(store, path)
    else:
        pack = store.get(what)
        found, manifest = pack.info(), pack.manifest.to_json()
        details = {"size_bytes": pack.path.stat().st_size, "path": str(pack.path)}
    if as_json:
        connection.print_json({**asdict(found), **details, "manifest": manifest})
        return
    table = Table.grid(padding=(0, 2))
    for name, value in _rows(found, manifest, details):
        if value:
            table.add_row(f"[bold]{name}[/bold]", Text(value))
    connection.output().print(table)
    if warning:
        typer.echo(warning, err=True)


def _manifest(store: PackStore, path: Path) -> dict[str, Any]:
    return store.examine(path).raise_first().to_json()


def _rows(found: PackInfo, manifest: dict[str, Any], details: dict[str, Any]) -> list[tuple[str, str]]:
    training = manifest.get("training", {})
    quality = ", ".join(f"{name} {value:g}" for name, value in manifest.get("quality", {}).items())
    return [
        ("Title", found.title),
        ("Id", f"{found.id} {found.version}"),
        ("Kind", found.kind),
        ("Authors", ", ".join(found.authors)),
        ("License", found.license),
        ("Rights", str(manifest.get("rights", ""))),
        ("Painting", found.painting),
        ("Painting's license", found.painting_license),
        ("About", found.description),
        ("Tags", ", ".join(found.tags)),
        ("From", found.source),
        ("Signed by", found.signed_by or "nobody"),
        ("Trained on", str(training.get("data", ""))),
        ("Trained with", str(training.get("hardware", ""))),
        ("Quality", quality),
        ("Size", f"{details['size_bytes'] / 1024:.0f} KB"),
        ("Replaces", str(details.get("replaces", ""))),
        ("Must be asked", str(details.get("needs", ""))),
        ("File", str(details.get("path", ""))),
    ]


def verify(
    what: Annotated[str, typer.Argument(metavar="ID|FILE", help="An installed pack, or a file.")],
    as_json: Json = False,
) -> None:
    """Check everything in a pack and name every deviation. Exit status 1 if there is any."""
    from scumble_backend.packs.signing import fingerprint

    store = _store()
    path = Path(what) if Path(what).is_file() else store.get(what).path
    found = store.examine(path)
    findings = list(found.findings)
    if found.manifest is not None and (warning := store.key_warning(found.manifest, found.key)):
        findings.append(warning)
    signed = fingerprint(found.key) if found.key else ""
    if as_json:
        deviations = [{"code": each.code, "message": each.message, "remedy": each.remedy} for each in findings]
        connection.print_json({"sound": not findings, "signed_by": signed, "deviations": deviations})
    else:
        for each in findings:
            typer.echo(f"{each.code}: {each.message}")
        if not findings:
            typer.echo(f"{path.name} is sound, {f'signed by {signed}' if signed else 'not signed'}.")
    if findings:
        raise typer.Exit(1)


def export(
    pack_id: PackId,
    target: Annotated[Path, typer.Argument(help="File to write: .scumble or .onnx.")],
    base: Annotated[bool, typer.Option(help="Put the base network in, so that the pack travels alone.")] = True,
) -> None:
    """Write an installed pack to a file, as a pack or as an ONNX network."""
    from scumble_backend.packs import exporting

    store = _store()
    pack = store.get(pack_id)
    if target.suffix.lower() == ".onnx":
        far = exporting.export_onnx(store, pack, target)
        typer.echo(f"Wrote {target}; onnxruntime paints the same to {far:.1e}.")
        return
    exporting.export_pack(store, pack, target, with_base=base)
    typer.echo(f"Wrote {target}.")


def sign(
    file: Annotated[Path, typer.Argument(help="The .scumble file.", exists=True, dir_okay=False)],
    key: Annotated[Path | None, typer.Option(help="Private key (PEM); yours, made at first use, by default.")] = None,
    detached: Annotated[bool, typer.Option(help="Write FILE.sig instead of changing the file.")] = False,
) -> None:
    """Sign a pack with your key."""
    from scumble_backend.config import Places
    from scumble_backend.packs import exporting, signing

    path = key or Places.of_user().config / "author-key.pem"
    if key is None and not path.exists():
        signing.create_key(path)
        typer.echo(f"Made your key: {path}. Keep a copy in a safe place; later packs must be signed with it.")
    private = signing.load_key(path)
    written = exporting.sign_pack(file, private, detached=detached)
    typer.echo(f"Signed {written} as {signing.fingerprint(private.public_key().public_bytes_raw())}.")


def search(
    words: Annotated[list[str] | None, typer.Argument(help="All must match; none lists everything.")] = None,
    catalog: Annotated[
        list[str] | None, typer.Option(help="A catalog.json: https address or file; may be repeated. Kept for later.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Search lists of packs that people host."""
    from scumble_backend.packs import catalog as catalogs
    from scumble_backend.packs import sources

    store = _store()
    known = sources.remembered(store)
    addresses = [sources.normal(address) for address in catalog or ()] or known
    if not addresses:
        raise typer.BadParameter("no list is known yet; give one with --catalog", param_hint="--catalog")
    loaded: list[Catalog] = [sources.load(address, store) for address in addresses]
    if catalog:
        sources.remember(store, [*known, *(address for address in addresses if address not in known)])
    found = catalogs.search(loaded, words or ())
    if as_json:
        connection.print_json([asdict(entry) for entry in found])
        return
    for entry in found:
        by = f" by {', '.join(entry.authors)}" if entry.authors else ""
        typer.echo(f"{entry.title}{by} ({entry.kind}, {entry.license or 'no license given'})")
        typer.echo(f"  scumble packs add '{entry.url}#sha256={entry.sha256}'")
    if not found:
        typer.echo("Nothing matches.", err=True)


def gallery(
    folder: Annotated[Path, typer.Argument(help="Folder with .scumble files or a catalog.json.")],
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Style packs",
) -> None:
    """Make catalog.json and a page that shows the packs of a folder, ready to be put on any web server."""
    from scumble_backend.packs import gallery as pages

    made = pages.make_gallery(folder, _store(), title=title)
    typer.echo(f"Wrote {folder / pages.PAGE} with {len(made.packs)} packs.")


def repair() -> None:
    """Rebuild the index, and delete base networks that no pack needs."""
    store = _store()
    count = store.rebuild_index()
    bases = store.remove_unused_bases()
    typer.echo(f"{count} packs in {store.folders.user}; {len(bases)} base networks deleted.")
    for path, error in store.problems().items():
        typer.echo(f"{path.name}: {error}", err=True)


class _Bar:
    """A bar for downloads that take longer than half a second; nothing where nobody looks."""

    def __enter__(self) -> _Bar:
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, transient=True, disable=not connection.output().is_terminal)
        self._task: Any = None
        return self

    def show(self, done: int, total: int | None) -> None:
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task("", total=total)
        self._progress.update(self._task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
