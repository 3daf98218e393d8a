"""The rules of profiles."""

import pytest
from users_service.domain.errors import InvalidProfile
from users_service.domain.profile import ADDRESS_MAX, NAME_MAX, ProfileUpdate, is_subject


@pytest.mark.parametrize("member", ["name", "shipping_address"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "\t",
        "a\nb",
        "a\r\nb",
        "a\x00b",
        "a\x1bb",
        "a\x7fb",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "a\u202eb",
        "a\u2066b",
        "\u200d",
        "\ud800",
    ],
)
def test_text_empty_or_with_control_characters_is_invalid(member, value):
    with pytest.raises(InvalidProfile, match=member):
        ProfileUpdate(**{member: value})


@pytest.mark.parametrize("value", ["Zoë", "محمد", "Nguyễn Văn A", "می‌خواهم", "👩‍🚀", "O'Brien-Smith, Jr."])
def test_name_in_any_script_is_valid(value):
    assert ProfileUpdate(name=value).name == value


@pytest.mark.parametrize(("member", "longest"), [("name", NAME_MAX), ("shipping_address", ADDRESS_MAX)])
def test_text_has_maximum_length(member, longest):
    assert ProfileUpdate(**{member: "x" * longest})

    with pytest.raises(InvalidProfile, match=str(longest)):
        ProfileUpdate(**{member: "x" * (longest + 1)})


@pytest.mark.parametrize(
    ("sub", "possible"),
    [
        ("a", True),
        ("x" * 255, True),
        ("a\u200cb\u00a0", True),
        ("", False),
        ("x" * 256, False),
        ("\n", False),
        ("a\u202eb", False),
    ],
)
def test_subject_is_one_short_line(sub, possible):
    assert is_subject(sub) is possible
