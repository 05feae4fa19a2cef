"""A mix of styles as one line of text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scumble_wire.messages import StyleChoice
from scumble_wire.mix import NAMED, PLACES, Part, parse, written

parts = st.builds(
    Part,
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
    st.integers(1, 1000).map(lambda n: n / 8),
    st.sampled_from(PLACES) | st.builds(str.__add__, st.sampled_from(NAMED), st.text(min_size=1, max_size=20)),
)


@given(st.lists(parts, min_size=1, max_size=4))
@example([Part("wave", 1.0, "mask: "), Part("wave", 2.0, "mask: sky "), Part("wave", 1.0, "mask:a + b@c:2")])
def test_a_mix_that_is_written_is_read_back(mixed: list[Part]) -> None:
    assert parse(written(mixed)) == mixed


def test_a_mix_reads_as_it_is_written() -> None:
    text = "great-wave:0.6@selection + night-cafe:0.4@rest + scream@mask:Sky %2B sea"
    assert parse(text) == [
        Part("great-wave", 0.6, "selection"),
        Part("night-cafe", 0.4, "rest"),
        Part("scream", 1.0, "mask:Sky + sea"),
    ]
    assert written(parse(text)) == text
    assert parse("") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wave:much", "'much' is not a weight"),
        ("wave:-1", "between 0 and 1000"),
        ("wave:nan", "between 0 and 1000"),
        ("wave:0 + night:0", "add up to 0"),
        ("a + b + c + d + e", "at most 4 styles, not 5"),
        ("wave@there", "'there' is no place"),
        ("wave@mask:", "no place"),
        ("wave@luminance:", "no place"),
        (":1", "can't be the id"),
        ("wave + ", "can't be the id"),
    ],
)
def test_what_is_no_mix_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


def test_parts_become_choices_of_the_wire() -> None:
    assert Part("a", 0.5, "light").choice() == StyleChoice("a", 0.5, region="light")
    assert Part("a", 1.0, "selection").choice(2) == StyleChoice("a", 1.0, 2)
    with pytest.raises(ValueError, match="mask is missing"):
        Part("a", 1.0, "mask:Sky").choice()
