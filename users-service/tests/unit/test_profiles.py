"""The rules of profiles."""

import pytest
from users_service.domain.errors import InvalidProfile, NotAllowed, ProfileNotFound
from users_service.domain.profiles import ADDRESS_MAX, NAME_MAX, Caller, Changes, is_subject


def stranger(**rights):
    return Caller("eve", **({"reads_own": True, "reads_all": False} | rights))


def test_a_profile_is_made_empty_at_first_sight(users):
    profile = users.mine("ada")

    assert (profile.sub, profile.name, profile.shipping_address) == ("ada", "", None)


def test_a_profile_made_once_stays_the_same(users, clock):
    first = users.mine("ada")
    clock.advance(60)

    assert users.mine("ada") == first


def test_a_change_touches_what_it_names_and_the_time(users, clock):
    before = users.mine("ada")
    clock.advance(60)

    after = users.change_mine("ada", Changes(name="Ada"))

    assert (after.name, after.shipping_address, after.created_at) == ("Ada", None, before.created_at)
    assert (after.updated_at - before.updated_at).total_seconds() == 60


def test_a_change_of_nothing_leaves_the_time_alone(users, clock):
    before = users.mine("ada")
    clock.advance(60)

    assert users.change_mine("ada", Changes()) == before


def test_none_clears_the_address_and_an_absent_one_stays(users):
    users.change_mine("ada", Changes(shipping_address="1 Assay Lane"))

    assert users.change_mine("ada", Changes(name="Ada")).shipping_address == "1 Assay Lane"
    assert users.change_mine("ada", Changes(shipping_address=None)).shipping_address is None


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
def test_text_that_is_empty_or_holds_control_characters_is_refused(member, value):
    with pytest.raises(InvalidProfile, match=member):
        Changes(**{member: value})


@pytest.mark.parametrize("value", ["Zoë", "محمد", "Nguyễn Văn A", "می‌خواهم", "👩‍🚀", "O'Brien-Smith, Jr."])
def test_names_of_all_the_world_are_fine(value):
    assert Changes(name=value).name == value


@pytest.mark.parametrize(("member", "longest"), [("name", NAME_MAX), ("shipping_address", ADDRESS_MAX)])
def test_text_has_a_longest_length(member, longest):
    assert Changes(**{member: "x" * longest})

    with pytest.raises(InvalidProfile, match=str(longest)):
        Changes(**{member: "x" * (longest + 1)})


def test_ones_own_profile_is_made_when_asked_for_by_sub(users):
    assert users.see(Caller("ada", reads_own=True, reads_all=False), "ada").sub == "ada"


def test_ones_own_profile_takes_the_scope_for_it(users):
    with pytest.raises(NotAllowed) as refused:
        users.see(Caller("ada", reads_own=False, reads_all=False), "ada")

    assert refused.value.required == "profile:read"


@pytest.mark.parametrize("sub", ["ada", "nobody"])
def test_anothers_profile_is_refused_whether_it_exists_or_not(users, sub):
    users.mine("ada")

    with pytest.raises(NotAllowed) as refused:
        users.see(stranger(), sub)

    assert refused.value.required == "users:read"


def test_who_reads_all_sees_anothers_profile(users):
    made = users.mine("ada")

    assert users.see(stranger(reads_all=True), "ada") == made


@pytest.mark.parametrize("sub", ["nobody", "", "a\x00b", "x" * 256])
def test_who_reads_all_is_told_that_there_is_none(users, sub):
    with pytest.raises(ProfileNotFound):
        users.see(stranger(reads_all=True), sub)


def test_who_reads_all_but_not_their_own_makes_no_profile(users, memory):
    with pytest.raises(ProfileNotFound):
        users.see(stranger(reads_own=False, reads_all=True), "eve")

    assert memory.rows == {}


def test_a_page_says_where_the_next_one_starts(users):
    for sub in "cab":
        users.mine(sub)

    first, after = users.page(None, 2)
    second, end = users.page(after, 2)

    assert ([p.sub for p in first], [p.sub for p in second], end) == (["a", "b"], ["c"], None)


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
def test_a_subject_is_short_and_of_one_line(sub, possible):
    assert is_subject(sub) is possible
