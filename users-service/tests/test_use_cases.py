"""The use cases over fakes of their ports."""

import pytest
from users_service.domain.errors import MissingScope, ProfileNotFound
from users_service.domain.profile import ProfileUpdate
from users_service.use_cases import Caller


def owner(sub="ada", **rights):
    return Caller(sub, f"token of {sub}", **({"reads_own": True} | rights))


def other(**rights):
    return owner("eve", **rights)


def test_first_read_creates_empty_profile(use_cases):
    profile = use_cases.read_own_profile(owner())

    assert (profile.sub, profile.name, profile.shipping_address) == ("ada", "", None)


def test_second_read_returns_same_profile(use_cases, clock):
    first = use_cases.read_own_profile(owner())
    clock.advance(60)

    assert use_cases.read_own_profile(owner()) == first


def test_update_changes_named_members_and_time(use_cases, clock):
    before = use_cases.read_own_profile(owner())
    clock.advance(60)

    after = use_cases.update_own_profile(owner(), ProfileUpdate(name="Ada"))

    assert (after.name, after.shipping_address, after.created_at) == ("Ada", None, before.created_at)
    assert after.updated_at - before.updated_at == 60


def test_empty_update_keeps_time(use_cases, clock):
    before = use_cases.read_own_profile(owner())
    clock.advance(60)

    assert use_cases.update_own_profile(owner(), ProfileUpdate()) == before


def test_update_none_clears_address(use_cases):
    use_cases.update_own_profile(owner(), ProfileUpdate(shipping_address="1 Assay Lane"))

    assert use_cases.update_own_profile(owner(), ProfileUpdate(name="Ada")).shipping_address == "1 Assay Lane"
    assert (
        use_cases.update_own_profile(owner(), ProfileUpdate(shipping_address=None)).shipping_address is None
    )


def test_read_by_own_sub_creates_profile(use_cases):
    assert use_cases.read_profile(owner(), "ada").sub == "ada"


def test_read_own_without_scope_is_refused(use_cases):
    with pytest.raises(MissingScope) as refused:
        use_cases.read_profile(owner(reads_own=False), "ada")

    assert refused.value.required == "profile:read"


@pytest.mark.parametrize("sub", ["ada", "unknown"])
def test_read_other_is_refused_existing_or_not(use_cases, sub):
    use_cases.read_own_profile(owner())

    with pytest.raises(MissingScope) as refused:
        use_cases.read_profile(other(), sub)

    assert refused.value.required == "users:read"


def test_read_other_with_scope(use_cases):
    made = use_cases.read_own_profile(owner())

    assert use_cases.read_profile(other(reads_all=True), "ada") == made


@pytest.mark.parametrize("sub", ["unknown", "", "a\x00b", "x" * 256])
def test_read_unknown_with_scope_is_not_found(use_cases, sub):
    with pytest.raises(ProfileNotFound):
        use_cases.read_profile(other(reads_all=True), sub)


def test_read_without_own_scope_creates_nothing(use_cases, fake_profiles):
    with pytest.raises(ProfileNotFound):
        use_cases.read_profile(other(reads_own=False, reads_all=True), "eve")

    assert fake_profiles.rows == {}


def test_list_returns_start_of_next_page(use_cases):
    for sub in "cab":
        use_cases.read_own_profile(owner(sub))

    first, after = use_cases.list_profiles(None, 2)
    second, end = use_cases.list_profiles(after, 2)

    assert ([p.sub for p in first], [p.sub for p in second], end) == (["a", "b"], ["c"], None)


def test_new_profile_has_account_name(use_cases, names):
    names.names["ada"] = "Ada Lovelace"

    profile = use_cases.read_own_profile(owner())

    assert (profile.name, profile.updated_at) == ("Ada Lovelace", profile.created_at)
    assert names.requested == [("ada", "token of ada")]


def test_account_name_is_requested_until_known(use_cases, names, clock):
    assert use_cases.read_own_profile(owner()).name == ""
    names.names["ada"] = "Ada Lovelace"
    clock.advance(60)

    assert [use_cases.read_own_profile(owner()).name for _ in range(2)] == ["Ada Lovelace"] * 2
    assert len(names.requested) == 2


def test_chosen_name_is_kept(use_cases, names):
    names.names["ada"] = "Ada Lovelace"
    use_cases.read_own_profile(owner())
    use_cases.update_own_profile(owner(), ProfileUpdate(name="Countess"))

    assert use_cases.read_own_profile(owner()).name == "Countess"


def test_chosen_name_needs_no_request(use_cases, names):
    names.names["ada"] = "Ada Lovelace"

    assert use_cases.update_own_profile(owner(), ProfileUpdate(name="Countess")).name == "Countess"
    assert names.requested == []


def test_update_of_address_copies_account_name(use_cases, names):
    names.names["ada"] = "Ada Lovelace"

    profile = use_cases.update_own_profile(owner(), ProfileUpdate(shipping_address="1 Assay Lane"))

    assert (profile.name, profile.shipping_address) == ("Ada Lovelace", "1 Assay Lane")


def test_token_without_read_scope_copies_no_name(use_cases, names):
    use_cases.update_own_profile(owner(reads_own=False), ProfileUpdate(shipping_address="1 Assay Lane"))

    assert names.requested == []


def test_read_other_requests_no_account_name(use_cases, names):
    use_cases.read_own_profile(owner())
    names.names["ada"] = "Ada Lovelace"

    assert use_cases.read_profile(other(reads_all=True), "ada").name == ""
    assert [sub for sub, _ in names.requested] == ["ada"]
