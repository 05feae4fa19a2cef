"""Header frames: every message survives the round trip; nothing else gets through."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scumble_wire import codec, messages
from scumble_wire.errors import MalformedMessage, UnknownMessage
from scumble_wire.messages import (
    Alive,
    Configure,
    Copy,
    GetStatus,
    Hello,
    ImageInfo,
    JobInfo,
    Jobs,
    PackInfo,
    Packs,
    Status,
    StyleChoice,
    Stylize,
    Welcome,
)

EVERY_MESSAGE = [*codec.CLIENT_MESSAGES.values(), *codec.BACKEND_MESSAGES.values()]
PLAIN_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return messages_of(hint)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        return st.none() | values_of(next(member for member in arguments if member is not types.NoneType))
    if origin is list:
        return st.lists(values_of(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(PLAIN_TEXT, values_of(arguments[1]), max_size=3)
    return {
        str: PLAIN_TEXT,
        bool: st.booleans(),
        int: st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 2000),
        float: st.floats(allow_nan=False) | st.floats(0, 1) | st.floats(1.1, 4),
    }[hint]


@st.composite
def messages_of(draw: st.DrawFn, cls: type) -> Any:
    """Instances of a message; draws that its own checks refuse are drawn again, field by field, within ranges."""
    hints = typing.get_type_hints(cls)
    drawn = {item.name: draw(values_of(hints[item.name])) for item in dataclasses.fields(cls)}
    if cls is ImageInfo:
        drawn |= {name: draw(st.integers(1, 30_000)) for name in ("width", "height", "frame")}
    if cls is StyleChoice:
        drawn |= {
            "pack": "p" + drawn["pack"],
            "weight": draw(st.floats(0.01, 1e6)),
            "mask_frame": draw(st.none() | st.just(3)),
        }
    if cls is Stylize:
        drawn |= {"strength": draw(st.floats(0, 1)), "stroke_scale": draw(st.floats(0.25, 4))}
        drawn |= {"boldness": draw(st.floats(-1, 1)), "scale": draw(st.floats(0.01, 2))}
        drawn |= {"picture_pixels": draw(st.integers(0, messages.MAX_PIXELS))}
        drawn |= {"styles": drawn["styles"] or [StyleChoice("p")]}
        anchors = draw(st.lists(st.tuples(st.integers(0, 9), st.floats(0.01, 1)), max_size=3))
        drawn |= {"anchor_frames": [one for one, _ in anchors], "anchor_weights": [weight for _, weight in anchors]}
        drawn |= {"neighbor_frames": draw(st.lists(st.integers(0, 9), max_size=3))}
    if cls is messages.Upscale:
        drawn |= {"factor": draw(st.floats(1, 16)), "model": "m" + drawn["model"]}
        drawn |= {name: draw(st.floats(0, 1)) for name in ("vivid", "grain")}
    if cls is messages.Train:
        drawn |= {"name": "n" + drawn["name"], "strength": draw(st.floats(0.1, 16))}
    return cls(**drawn)


@pytest.mark.parametrize("cls", EVERY_MESSAGE, ids=lambda cls: cls.__name__)
def test_every_message_survives_the_round_trip(cls: type) -> None:
    @given(message=messages_of(cls), request=st.integers(0, codec.MAX_REQUEST))
    @settings(max_examples=25, deadline=None)
    def round_trip(message: Any, request: int) -> None:
        assert codec.decode(codec.encode(message, request)) == (message, request)

    round_trip()


def raw(**fields: Any) -> bytes:
    return msgpack.packb({"request": 7, **fields})


IMAGE = {"width": 4, "height": 3}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"type": "Copy"}, "'image' is missing"),
        ({"type": "Copy", "image": {"width": 4}}, "'image.height' is missing"),
        ({"type": "Copy", "image": 5}, "image must be a map with text keys, not 5"),
        ({"type": "Copy", "image": None}, "image must be a map with text keys, not nothing"),
        ({"type": "Copy", "image": {**IMAGE, "width": "4"}}, "image.width must be a whole number, not '4'"),
        ({"type": "Copy", "image": {**IMAGE, "width": 4.0}}, "image.width must be a whole number, not 4.0"),
        ({"type": "Copy", "image": {**IMAGE, "width": True}}, "image.width must be a whole number, not True"),
        ({"type": "Copy", "image": {**IMAGE, "width": 0}}, "image: width must be between 1 and"),
        ({"type": "Copy", "image": {**IMAGE, "width": 10**9}}, "image: width must be between 1 and"),
        ({"type": "Copy", "image": {"width": 100_000, "height": 100_000}}, "too many"),
        (
            {"type": "Copy", "image": {**IMAGE, "depth": "u12"}},
            "image.depth must be one of u8, u16, f16, f32, not 'u12'",
        ),
        ({"type": "Copy", "image": {**IMAGE, "frame": -1}}, "frame index"),
        ({"type": "Copy", "image": IMAGE, "colour": 1}, "'colour' is not known"),
        ({"type": "Copy", "image": {**IMAGE, "stride": 1}}, "'image.stride' is not known"),
        ({"type": "Stylize", "image": IMAGE, "styles": []}, "a style is needed"),
        ({"type": "Stylize", "image": IMAGE, "styles": {"pack": "x"}}, "styles must be a list, not a map"),
        ({"type": "Stylize", "image": IMAGE, "styles": [{"pack": "a"}, {}]}, r"'styles\[1\].pack' is missing"),
        ({"type": "Stylize", "image": IMAGE, "styles": [{"pack": "a", "weight": "1"}]}, "must be a number, not '1'"),
        ({"type": "Stylize", "image": IMAGE, "styles": [{"pack": "a"}], "strength": math.nan}, "strength"),
        ({"type": "Stylize", "image": IMAGE, "styles": [{"pack": "a"}], "strength": 1.5}, "between 0 and 1"),
        (
            {"type": "Stylize", "image": IMAGE, "styles": [{"pack": "a"}], "absolute_strokes": 1},
            "true or false, not 1",
        ),
        ({"type": "Upscale", "image": IMAGE, "factor": math.inf}, "factor"),
        ({"type": "Upscale", "image": IMAGE, "factor": (1 << 64) - 1}, "factor"),
        ({"type": "Cancel", "job": b"\xff"}, "job must be text, not bytes"),
        ({"type": "Configure", "device": 3}, "device must be text, not 3"),
        ({"type": "Hello", "client": "x", "client_version": "1"}, "'protocol' is missing"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_wrong(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(MalformedMessage, match=said) as caught:
        codec.decode(raw(**fields))
    assert caught.value.message.startswith(f"{fields['type']}: ")
    assert caught.value.request == 7
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["Delete", "StyleChoice", "__class__", "", "stylize"])
def test_an_unknown_message_is_told_with_its_request_number(name: str) -> None:
    with pytest.raises(UnknownMessage) as caught:
        codec.decode(raw(type=name))
    assert (caught.value.request, caught.value.code) == (7, "unknown_message")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"", "not valid msgpack"),
        (b"GET / HTTP/1.1\r\n", "not valid msgpack"),
        (b"\xc1", "not valid msgpack"),
        (b"\x81", "not valid msgpack"),
        (b"\xdf\xff\xff\xff\xff", "not valid msgpack"),
        (b"\x91" * 5000, "not valid msgpack"),
        (b"\x81\x90\x01", "not valid msgpack"),
        (b"\x81\xa1\xff\x01", "not valid msgpack"),
        (msgpack.packb([1, 2]), "not a map"),
        (msgpack.packb({b"type": 1}), "not a map"),
        (msgpack.packb({"type": "Alive"}), "request number"),
        (msgpack.packb({"type": "Alive", "request": -1}), "request number"),
        (msgpack.packb({"type": "Alive", "request": True}), "request number"),
        (msgpack.packb({"type": "Alive", "request": 1 << 63}), "request number"),
        (msgpack.packb({"request": 1}), "does not name its message"),
        (msgpack.packb({"type": ["Alive"], "request": 1}), "does not name its message"),
        (bytes(codec.MAX_HEADER_BYTES + 1), "too long"),
    ],
)
def test_what_is_no_header_is_told_so(header: bytes, said: str) -> None:
    with pytest.raises(MalformedMessage, match=said):
        codec.decode(header)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_noise_is_never_anything_but_malformed(noise: bytes) -> None:
    with pytest.raises(MalformedMessage):
        codec.decode(noise)


JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | PLAIN_TEXT
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN_TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("cls", [Stylize, Configure, Status, Jobs], ids=lambda cls: cls.__name__)
def test_fields_of_any_kind_decode_to_their_annotated_type_or_not_at_all(cls: type) -> None:
    names = [item.name for item in dataclasses.fields(cls)]

    @given(st.fixed_dictionaries({}, optional=dict.fromkeys(names, JSON_LIKE)))
    @settings(max_examples=100, deadline=None)
    def attempt(fields: dict[str, Any]) -> None:
        try:
            message, _ = codec.decode(raw(type=cls.__name__, **fields))
        except MalformedMessage:
            return
        assert codec.decode(codec.encode(message, 1))[0] is not None

    attempt()


def test_a_newer_backend_may_tell_more_than_the_client_knows() -> None:
    newer = raw(
        type="Packs", revision=1, mood="good", packs=[{"id": "a", "title": "A", "kind": "affine", "stars": 5}]
    )
    assert codec.decode(newer)[0] == Packs([PackInfo("a", "A", "affine")], 1)


def test_a_newer_clients_hello_is_understood_so_that_versions_can_be_compared() -> None:
    newer = raw(type="Hello", client="krita", client_version="9", protocol=9, language="fr")
    assert codec.decode(newer)[0] == Hello("krita", "9", 9)


def test_defaults_stay_at_home_except_the_protocol_version() -> None:
    assert msgpack.unpackb(codec.encode(Copy(ImageInfo(4, 3)), 2)) == {"type": "Copy", "request": 2, "image": IMAGE}
    assert msgpack.unpackb(codec.encode(Hello("x", "1"), 1))["protocol"] == messages.PROTOCOL_VERSION


def test_whole_numbers_are_numbers_too() -> None:
    message, _ = codec.decode(raw(type="Upscale", image=IMAGE, factor=4))
    assert (message.factor, type(message.factor)) == (4.0, float)


@pytest.mark.parametrize(
    ("message", "request_number", "said"),
    [
        (Hello("x", 3), 1, "client_version must be text, not 3"),  # type: ignore[arg-type]
        (Copy("no image"), 1, "image must be an ImageInfo, not str"),  # type: ignore[arg-type]
        (Jobs([JobInfo("a", "play", "", "done", 0.0, None, True)]), 1, r"jobs\[0\].kind must be one of"),  # type: ignore[arg-type]
        (Packs([], 1 << 70), 1, "can't be encoded"),
        (Hello("\ud800", "1"), 1, "can't be encoded"),
        (GetStatus(), -1, "out of range"),
        (GetStatus(), 1 << 63, "out of range"),
        (Hello("x" * codec.MAX_HEADER_BYTES, "1"), 1, "at most"),
    ],
)
def test_a_wrong_field_is_refused_before_it_is_sent(message: Any, request_number: int, said: str) -> None:
    with pytest.raises(MalformedMessage, match=said):
        codec.encode(message, request_number)


def test_only_messages_of_the_protocol_are_encoded() -> None:
    with pytest.raises(UnknownMessage):
        codec.encode(ImageInfo(1, 1), 1)  # type: ignore[arg-type]


def test_numbers_of_numpy_become_plain_ones() -> None:
    numpy = pytest.importorskip("numpy")
    header = codec.encode(Welcome("1", 1, numpy.float64(2.5), 5), 1)
    assert msgpack.unpackb(header)["lease_s"] == 2.5


def test_the_pure_python_msgpack_that_plugins_carry_says_the_same() -> None:
    from msgpack.fallback import Packer, unpackb

    header = codec.encode(Packs([PackInfo("a", "Ä", "affine", factors=[2, 4], stroke_scales=[0.5, 2.0])], 3), 9)
    fields = unpackb(header, raw=False)
    assert Packer(use_bin_type=True).pack(fields) == header


def test_alive_is_a_handful_of_bytes() -> None:
    assert len(codec.encode(Alive(), 1)) < 24
