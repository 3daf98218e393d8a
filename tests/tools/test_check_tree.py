"""Which words `tools/check_tree.py` finds, and which it leaves alone."""

import pytest

from tools.check_tree import words


def found(text: str) -> list[str]:
    return [fault.partition(";")[0] for fault in words("page.md", text.encode())]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("the mint's keys", "mint"),
        ("def open_door(url):", "door"),
        ("class WaitingRoom:", "Room"),
        ("room.wake()", "room"),
        ("its turn is over", "its turn"),
        ("turns = Turns(2)", "Turns"),
        ("visit.status = 499", "visit"),
        ("letter.subject", "letter"),
        ("front.forms", "front"),
        ("a token that still stands", "stands"),
        ("what is missing is named", "what is missing is"),
        ("# what is\n    # missing is named", "what is # missing is"),
        ('"""Give the token."""', '"""Give'),
        ("# noqa: S603 (no shell)", "noqa: S603"),
    ],
)
def test_unwanted_word_is_found(text, word):
    assert found(text) == [f"1: `{word}`"]


@pytest.mark.parametrize(
    "text",
    [
        "ten minutes, warehouse, doorway, returns, revisited",
        "letters and digits, a letter, letter by letter",
        "nginx in front of it, a front end, front-channel",
        "room for one more; make room; turn it off; in turn",
        "nobody@example.com, user=nobody, postgresql://nobody:secret@host",
        "stands for a key; stand_ins; stands in for time.sleep",
        "on the wire; errors on the wire: one table; wired by bootstrap",
        "Say what is wrong with it.",
        "# noqa: S603 - no shell",
    ],
)
def test_wanted_word_is_left_alone(text):
    assert found(text) == []


def test_word_is_named_with_line_and_replacement():
    assert list(words("a.py", b"\n# Likewise\n")) == ["2: `Likewise`; write instead: also, the same"]


@pytest.mark.parametrize("name", ["CHANGELOG.md", "requirements.lock", "tools/check_tree.py"])
def test_history_and_data_may_hold_any_word(name):
    assert list(words(name, b"mint")) == []
