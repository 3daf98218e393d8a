"""What every implementation of the port ``Profiles`` holds to."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from users_service.domain.errors import StorageUnavailable
from users_service.domain.profile import Changes, Profile
from users_service.storage.profiles import SqlProfiles

NOON = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def test_first_sight_makes_an_empty_profile(profiles):
    assert profiles.first_sight("ada", NOON) == Profile("ada", "", None, NOON, NOON)


def test_a_second_sight_changes_nothing(profiles):
    profiles.first_sight("ada", NOON)

    assert profiles.first_sight("ada", LATER).created_at == NOON


def test_a_change_at_first_sight_makes_the_profile_too(profiles):
    made = profiles.change("ada", Changes(name="Ada"), NOON)

    assert made == profiles.find("ada") == Profile("ada", "Ada", None, NOON, NOON, name_known=True)


def test_a_change_keeps_what_it_does_not_name(profiles):
    profiles.change("ada", Changes(name="Ada", shipping_address="1 Assay Lane"), NOON)

    assert profiles.change("ada", Changes(name="Ada L."), LATER) == Profile(
        "ada", "Ada L.", "1 Assay Lane", NOON, LATER, name_known=True
    )


def test_an_address_can_be_cleared(profiles):
    profiles.change("ada", Changes(shipping_address="1 Assay Lane"), NOON)

    assert profiles.change("ada", Changes(shipping_address=None), LATER).shipping_address is None


def test_an_accounts_name_is_copied_once(profiles):
    profiles.first_sight("ada", NOON)

    named = Profile("ada", "Ada", None, NOON, NOON, name_known=True)
    assert profiles.copy_name("ada", "Ada") == profiles.find("ada") == named
    assert profiles.copy_name("ada", "Another") == named


def test_an_accounts_name_replaces_no_chosen_one(profiles):
    chosen = profiles.change("ada", Changes(name="Countess"), NOON)

    assert profiles.copy_name("ada", "Ada") == chosen


def test_what_was_never_seen_is_not_found(profiles):
    assert profiles.find("nobody") is None


def test_a_time_of_another_zone_comes_back_as_the_same_moment(profiles):
    east = NOON.astimezone(timezone(timedelta(hours=9)))

    assert profiles.first_sight("ada", east).created_at == NOON


def test_pages_are_in_bytewise_order_and_start_after_the_border(profiles):
    for sub in ["b", "B", "a", "é", "_"]:
        profiles.first_sight(sub, NOON)

    assert [p.sub for p in profiles.page(None, 10)] == ["B", "_", "a", "b", "é"]
    assert [p.sub for p in profiles.page("_", 2)] == ["a", "b"]
    assert list(profiles.page("é", 2)) == []


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_many_first_requests_at_once_make_one_profile(engine, request):
    profiles, start = SqlProfiles(request.getfixturevalue(engine)), threading.Barrier(8)

    def see(number):
        start.wait()
        return profiles.first_sight("ada", NOON + timedelta(seconds=number))

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(see, range(8)))

    assert len(seen) == 1
    assert list(profiles.page(None, 10)) == list(seen)


def test_changes_at_once_all_arrive(sqlite):
    profiles, start = SqlProfiles(sqlite), threading.Barrier(2)

    def change(changes):
        start.wait()
        profiles.change("ada", changes, NOON)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(change, [Changes(name="Ada"), Changes(shipping_address="1 Assay Lane")]))

    assert profiles.find("ada") == Profile("ada", "Ada", "1 Assay Lane", NOON, NOON, name_known=True)


def test_a_database_out_of_reach_is_said_to_be(sqlite):
    with sqlite.begin() as session:
        session.execute(text("DROP TABLE profiles"))

    with pytest.raises(StorageUnavailable):
        SqlProfiles(sqlite).find("ada")


def test_a_file_that_is_no_database_is_out_of_reach_too(sqlite, tmp_path):
    sqlite.engine.dispose()
    for left in tmp_path.glob("users.db-*"):
        left.unlink()
    (tmp_path / "users.db").write_bytes(b"no database at all" * 100)

    with pytest.raises(StorageUnavailable):
        SqlProfiles(sqlite).find("ada")
