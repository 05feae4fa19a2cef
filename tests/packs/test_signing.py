from __future__ import annotations

import json
import stat
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scumble_backend.errors import FileTrouble, KeyChanged, SignatureWrong
from scumble_backend.packs import adding, exporting, signing

ADA, EVE = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))


def name_of(key):
    return signing.fingerprint(key.public_key().public_bytes_raw())


def signed(path, key=ADA, **how):
    exporting.sign_pack(path, key, **how)
    return path


@pytest.mark.parametrize("detached", [False, True])
def test_a_signed_pack_names_its_signer(factory, store, detached):
    pack = store.install(signed(factory.affine(), detached=detached))
    assert pack.info().signed_by == name_of(ADA)
    assert store.get("great-wave").signed_by == name_of(ADA)


def test_a_signature_survives_export_without_the_base_and_with_it(factory, store):
    pack = store.install(signed(factory.affine()))
    for with_base in (True, False):
        target = factory.folder / "out.scumble"
        exporting.export_pack(store, pack, target, with_base=with_base)
        assert store.install(target).signed_by == name_of(ADA)


def test_a_manifest_changed_after_signing_is_refused(factory, store, repacked):
    def change(files):
        files["manifest.json"] = files["manifest.json"].replace(b"Great Wave", b"Crate Wave")

    with pytest.raises(SignatureWrong, match="does not fit") as told:
        store.install(repacked(signed(factory.affine()), change))
    assert told.value.remedy


@pytest.mark.parametrize(
    "change",
    [
        {"key": "AAAA"}, {"key": 3}, {"signature": "!"}, {"signature": "AAAA"}, {"algorithm": "rsa"}, {"format": 2},
        {"key": "A" * 43 + "="},
    ],
)  # fmt: skip
def test_a_damaged_signature_is_refused(factory, store, repacked, change):
    def damage(files):
        files["signature.json"] = json.dumps({**json.loads(files["signature.json"]), **change}).encode()

    with pytest.raises(SignatureWrong) as told:
        store.install(repacked(signed(factory.affine()), damage))
    assert told.value.remedy


def test_a_signature_of_another_pack_is_refused(factory, store, repacked):
    other = signed(factory.affine("other"), detached=True)
    signature = other.with_name("other.scumble.sig").read_bytes()
    with pytest.raises(SignatureWrong, match="does not fit"):
        store.install(repacked(factory.affine(), lambda files: files.update({"signature.json": signature})))


def test_two_signatures_that_differ_are_refused(factory, store):
    path = factory.affine()
    signed(path, EVE, detached=True)
    beside = path.with_name(path.name + ".sig")
    kept = beside.read_bytes()
    beside.unlink()
    signed(path, ADA)
    beside.write_bytes(kept)
    with pytest.raises(SignatureWrong, match="another signature"):
        store.install(path)


def test_the_first_key_is_trusted_and_a_changed_one_is_a_loud_warning(factory, store):
    store.install(signed(factory.affine(version="1.0.0")))
    with pytest.raises(KeyChanged, match="WARNING") as told:
        store.install(signed(factory.affine(version="2.0.0"), EVE))
    assert name_of(ADA) in told.value.message
    assert name_of(EVE) in told.value.message
    assert "fingerprint" in told.value.remedy
    assert store.get("great-wave").manifest.version == "1.0.0"
    assert "WARNING" in adding.look(store, signed(factory.affine(), EVE)).warning


def test_a_changed_key_can_be_accepted_and_is_then_the_known_one(factory, store):
    store.install(signed(factory.affine()))
    store.install(signed(factory.affine(version="2.0.0"), EVE), trust_changed_key=True)
    store.install(signed(factory.affine(version="3.0.0"), EVE))
    with pytest.raises(KeyChanged):
        store.install(signed(factory.affine(version="4.0.0"), ADA))


def test_a_signed_pack_is_not_replaced_by_an_unsigned_one_unseen(factory, store):
    store.install(signed(factory.affine()))
    with pytest.raises(KeyChanged, match="not signed"):
        store.install(factory.affine(version="2.0.0"))
    store.install(factory.affine(version="2.0.0"), trust_changed_key=True)
    store.install(factory.affine(version="3.0.0"))


def test_an_author_known_from_one_pack_is_known_in_the_next(factory, store):
    store.install(signed(factory.affine("one", authors=("Ada L.",))))
    with pytest.raises(KeyChanged):
        store.install(signed(factory.affine("two", authors=(" ADA L.",)), EVE))
    store.install(signed(factory.affine("three", authors=("Eve",)), EVE))


def test_removing_a_pack_does_not_forget_its_key(factory, store):
    store.install(signed(factory.affine()))
    store.remove("great-wave")
    with pytest.raises(KeyChanged):
        store.install(signed(factory.affine(), EVE))


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"packs": {"a": 1}, "authors": {}}'])
def test_damaged_trust_is_told_rather_than_forgotten(factory, store, damage):
    store.install(signed(factory.affine()))
    (store.folders.user / "trust.json").write_bytes(damage)
    with pytest.raises(FileTrouble, match="keys"):
        store.install(factory.affine())


def test_a_new_key_is_the_owners_alone_and_is_never_overwritten(tmp_path):
    path = tmp_path / "keys" / "author.pem"
    key = signing.create_key(path)
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing.load_key(path).private_bytes_raw() == key.private_bytes_raw()
    with pytest.raises(FileTrouble, match="exists"):
        signing.create_key(path)


def test_a_key_of_another_kind_is_told(tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    path = tmp_path / "key.pem"
    for raw in (
        b"nothing",
        X25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    ):
        path.write_bytes(raw)
        with pytest.raises(SignatureWrong):
            signing.load_key(path)
    with pytest.raises(FileTrouble):
        signing.load_key(tmp_path / "none.pem")
