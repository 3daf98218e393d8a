"""The rules of profiles."""

import pytest
from users_service.domain.errors import InvalidProfile, NotAllowed, ProfileNotFound
from users_service.domain.profile import ADDRESS_MAX, NAME_MAX, Changes, is_subject
from users_service.use_cases import Caller


def owner(sub="ada", **rights):
    return Caller(sub, f"token of {sub}", **({"reads_own": True} | rights))


def stranger(**rights):
    return owner("eve", **rights)


def test_a_profile_is_made_empty_at_first_sight(users):
    profile = users.mine(owner())

    assert (profile.sub, profile.name, profile.shipping_address) == ("ada", "", None)


def test_a_profile_made_once_stays_the_same(users, clock):
    first = users.mine(owner())
    clock.advance(60)

    assert users.mine(owner()) == first


def test_a_change_touches_what_it_names_and_the_time(users, clock):
    before = users.mine(owner())
    clock.advance(60)

    after = users.change_mine(owner(), Changes(name="Ada"))

    assert (after.name, after.shipping_address, after.created_at) == ("Ada", None, before.created_at)
    assert (after.updated_at - before.updated_at).total_seconds() == 60


def test_a_change_of_nothing_leaves_the_time_alone(users, clock):
    before = users.mine(owner())
    clock.advance(60)

    assert users.change_mine(owner(), Changes()) == before


def test_none_clears_the_address_and_an_absent_one_stays(users):
    users.change_mine(owner(), Changes(shipping_address="1 Assay Lane"))

    assert users.change_mine(owner(), Changes(name="Ada")).shipping_address == "1 Assay Lane"
    assert users.change_mine(owner(), Changes(shipping_address=None)).shipping_address is None


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
    assert users.see(owner(), "ada").sub == "ada"


def test_ones_own_profile_takes_the_scope_for_it(users):
    with pytest.raises(NotAllowed) as refused:
        users.see(owner(reads_own=False), "ada")

    assert refused.value.required == "profile:read"


@pytest.mark.parametrize("sub", ["ada", "nobody"])
def test_anothers_profile_is_refused_whether_it_exists_or_not(users, sub):
    users.mine(owner())

    with pytest.raises(NotAllowed) as refused:
        users.see(stranger(), sub)

    assert refused.value.required == "users:read"


def test_who_reads_all_sees_anothers_profile(users):
    made = users.mine(owner())

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
        users.mine(owner(sub))

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


def test_a_new_profile_has_the_accounts_name(users, names):
    names.names["ada"] = "Ada Lovelace"

    profile = users.mine(owner())

    assert (profile.name, profile.updated_at) == ("Ada Lovelace", profile.created_at)
    assert names.asked == [("ada", "token of ada")]


def test_an_account_is_asked_about_until_it_tells_and_no_longer(users, names, clock):
    assert users.mine(owner()).name == ""
    names.names["ada"] = "Ada Lovelace"
    clock.advance(60)

    assert [users.mine(owner()).name for _ in range(2)] == ["Ada Lovelace"] * 2
    assert len(names.asked) == 2


def test_a_name_that_its_owner_chose_stays(users, names):
    names.names["ada"] = "Ada Lovelace"
    users.mine(owner())
    users.change_mine(owner(), Changes(name="Countess"))

    assert users.mine(owner()).name == "Countess"


def test_a_name_chosen_at_first_sight_is_asked_for_nowhere(users, names):
    names.names["ada"] = "Ada Lovelace"

    assert users.change_mine(owner(), Changes(name="Countess")).name == "Countess"
    assert names.asked == []


def test_a_change_of_the_address_alone_brings_the_name(users, names):
    names.names["ada"] = "Ada Lovelace"

    profile = users.change_mine(owner(), Changes(shipping_address="1 Assay Lane"))

    assert (profile.name, profile.shipping_address) == ("Ada Lovelace", "1 Assay Lane")


def test_a_token_that_does_not_read_profiles_brings_no_name(users, names):
    users.change_mine(owner(reads_own=False), Changes(shipping_address="1 Assay Lane"))

    assert names.asked == []


def test_who_reads_all_learns_no_name_of_others(users, names):
    users.mine(owner())
    names.names["ada"] = "Ada Lovelace"

    assert users.see(stranger(reads_all=True), "ada").name == ""
    assert [sub for sub, _ in names.asked] == ["ada"]
