from __future__ import annotations

import html.parser
import json

import pytest

from scumble_backend.errors import CatalogWrong, FileTrouble, PackDamaged
from scumble_backend.packs import catalog as catalogs
from scumble_backend.packs import gallery, sources
from scumble_backend.packs.catalog import Catalog, CatalogEntry

ENTRY = {"id": "a", "title": "A", "kind": "affine", "url": "a.scumble", "sha256": "0" * 64, "size": 3}


def listing(*entries, **changes):
    return json.dumps({"format": 1, "title": "t", "packs": list(entries), **changes}).encode()


def test_a_catalog_survives_its_round_trip(factory, store, png):
    factory.affine(files={"previews/1.png": png(8, "red"), "previews/2.png": png(8, "blue")})
    factory.whole()
    made = catalogs.from_folder(factory.folder, store, title="Mine")
    assert Catalog.from_bytes(made.to_bytes(), "catalog.json") == made
    wave = next(entry for entry in made.packs if entry.id == "great-wave")
    assert (wave.painting_license, wave.authors, len(wave.previews)) == ("public domain", ("Ada",), 2)
    assert (factory.folder / wave.thumbnail).read_bytes() == png()


def test_a_damaged_pack_is_not_listed(factory, store):
    factory.affine()
    (factory.folder / "bad.scumble").write_bytes(b"x")
    with pytest.raises(PackDamaged, match=r"bad\.scumble"):
        catalogs.from_folder(factory.folder, store, title="Mine")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"{}", listing(format=2), listing("x"), listing({**ENTRY, "size": "3"}),
        listing({**ENTRY, "sha256": "x"}), listing({**ENTRY, "authors": "Ada"}), listing({"id": "a"}), b"[" * 100_000,
        listing({**ENTRY, "authors": [1]}), listing({**ENTRY, "title": None}),
        listing({**ENTRY, "id": "../x"}),
    ],
)  # fmt: skip
def test_a_wrong_catalog_is_told(raw):
    with pytest.raises(CatalogWrong) as told:
        Catalog.from_bytes(raw, "catalog.json")
    assert told.value.remedy


def test_fields_of_later_versions_are_ignored():
    assert Catalog.from_bytes(listing({**ENTRY, "stars": 5}, mirror="x"), "c").packs[0].id == "a"


def test_addresses_are_taken_against_the_catalogs_own():
    entry = (
        Catalog.from_bytes(listing({**ENTRY, "thumbnail": "p/a.png"}), "c")
        .at("https://x.org/d/catalog.json")
        .packs[0]
    )
    assert (entry.url, entry.thumbnail) == ("https://x.org/d/a.scumble", "https://x.org/d/p/a.png")


@pytest.mark.parametrize(
    ("words", "hits"),
    [
        ([], 3),
        (["wave"], 1),
        (["GRANDE"], 1),
        (["été"], 1),
        (["ete"], 1),
        (["موجة"], 1),
        (["cc-by", "ada"], 1),
        (["zzz"], 0),
    ],
)
def test_search_knows_no_case_and_no_accents(words, hits):
    entries = [
        CatalogEntry(
            **{**ENTRY, "title": "Great Wave", "sha256": "1" * 64, "license": "CC-BY-4.0"}, authors=("Ada",)
        ),
        CatalogEntry(**{**ENTRY, "title": "Grande Été", "sha256": "2" * 64}),
        CatalogEntry(**{**ENTRY, "title": "موجة", "sha256": "3" * 64}),
    ]
    assert len(catalogs.search([Catalog("", tuple(entries)), Catalog("", tuple(entries))], words)) == hits


class Outline(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_gallery_shows_pictures_and_licenses(factory, store, png):
    factory.affine(files={"previews/1.png": png(8, "red")}, title="Great Wave")
    gallery.make_gallery(factory.folder, store, title="Mine")
    page = Outline((factory.folder / "index.html").read_text(encoding="utf-8"))
    said = " ".join(page.texts)
    for word in ("Mine", "Great Wave", "CC-BY-4.0", "public domain", "Hokusai", "Ada"):
        assert word in said
    assert "great-wave.scumble" in page.links
    assert all((factory.folder / link).exists() for link in page.links)


def test_texts_of_strangers_stay_texts():
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    entry = CatalogEntry(
        **{**ENTRY, "title": evil, "url": "javascript:alert(1)", "kind": evil},
        authors=(evil,), description=evil, homepage="http://plain", thumbnail="//evil/x.png",
        previews=("data:text/html,x", "/etc/passwd", " javascript:1", "https://ok/x.png"),
    )  # fmt: skip
    page = Outline(gallery.page(Catalog(evil, (entry,))))
    assert page.tags.count("script") == 1
    assert page.links == ["https://ok/x.png"]


def test_a_gallery_can_be_made_from_a_catalog_alone(store, tmp_path):
    (tmp_path / "catalog.json").write_bytes(listing(ENTRY))
    gallery.make_gallery(tmp_path, store)
    assert "a.scumble" in (tmp_path / "index.html").read_text()


def test_a_gallery_of_nothing_is_told(store, tmp_path):
    with pytest.raises(CatalogWrong):
        gallery.make_gallery(tmp_path, store)
    with pytest.raises(FileTrouble):
        gallery.make_gallery(tmp_path / "none", store)


def test_catalogs_are_remembered(store, tmp_path):
    (tmp_path / "catalog.json").write_bytes(listing(ENTRY))
    address = sources.normal(str(tmp_path / "catalog.json"))
    assert sources.remembered(store) == []
    sources.remember(store, [address])
    assert sources.remembered(store) == [address]
    (entry,) = sources.load(address, store).packs
    assert entry.url == (tmp_path / "a.scumble").as_uri()
