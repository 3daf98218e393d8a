"""One-line text, blank text, and trimming."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchstone.text import is_blank, is_line, trimmed, without_controls

OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NAMES = {
    "Persian, with a ZWNJ": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Sinhala, with a ZWJ": "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "a family": "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "a flag of tags": "\U0001f3f4\U000e0067\U000e0062\U000e007f",
    "an ideographic space": "\u5c71\u7530\u3000\u592a\u90ce",
    "a no-break space": "Jean\u00a0Luc",
    "a right-to-left mark": "\u05d3\u05d5\u05d3\u200f 1",
    "combining marks": "e\u0302\u0301",
    "a character of a later Unicode": "\U0003fffa",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_people_are_lines(name):
    assert is_line(NAMES[name])
    assert not is_blank(NAMES[name])


@given(st.characters())
def test_control_character_is_no_line(character):
    refused = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in OVERRIDES

    assert is_line(f"a{character}b") is not refused
    assert without_controls(f"a{character}b") == ("ab" if refused else f"a{character}b")


@pytest.mark.parametrize(
    "character", [*OVERRIDES, "\x00", "\x1f", "\x7f", "\x9f", "\u2028", "\u2029", "\ud800"]
)
def test_controls_and_overrides_are_no_line(character):
    assert not is_line(f"a{character}b")


@pytest.mark.parametrize("text", ["", " ", "\u3000\u00a0", "\u200d\u200b", "\ufeff"])
def test_invisible_text_is_blank(text):
    assert is_blank(text)


def test_trimmed_keeps_line_breaks():
    assert trimmed("\u3000 a b\t\u00a0") == "a b"
    assert trimmed("a\n") == "a\n"
