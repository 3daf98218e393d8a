"""What every implementation of `Profiles` must do."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from users_service.domain.errors import StorageUnavailable
from users_service.domain.profile import Profile, ProfileUpdate
from users_service.storage.profiles import SqlProfiles

NOON = 1_782_907_200.123456
LATER = NOON + 3600


def test_get_or_create_creates_empty_profile(profiles):
    assert profiles.get_or_create("ada", NOON) == Profile("ada", "", None, NOON, NOON)


def test_get_or_create_keeps_existing_profile(profiles):
    profiles.get_or_create("ada", NOON)

    assert profiles.get_or_create("ada", LATER).created_at == NOON


def test_update_creates_missing_profile(profiles):
    made = profiles.update("ada", ProfileUpdate(name="Ada"), NOON)

    assert made == profiles.get("ada") == Profile("ada", "Ada", None, NOON, NOON, name_known=True)


def test_update_keeps_other_members(profiles):
    profiles.update("ada", ProfileUpdate(name="Ada", shipping_address="1 Assay Lane"), NOON)

    assert profiles.update("ada", ProfileUpdate(name="Ada L."), LATER) == Profile(
        "ada", "Ada L.", "1 Assay Lane", NOON, LATER, name_known=True
    )


def test_update_clears_address(profiles):
    profiles.update("ada", ProfileUpdate(shipping_address="1 Assay Lane"), NOON)

    assert profiles.update("ada", ProfileUpdate(shipping_address=None), LATER).shipping_address is None


def test_copy_name_sets_name_once(profiles):
    profiles.get_or_create("ada", NOON)

    named = Profile("ada", "Ada", None, NOON, NOON, name_known=True)
    assert profiles.copy_name("ada", "Ada") == profiles.get("ada") == named
    assert profiles.copy_name("ada", "Another") == named


def test_copy_name_keeps_chosen_name(profiles):
    chosen = profiles.update("ada", ProfileUpdate(name="Countess"), NOON)

    assert profiles.copy_name("ada", "Ada") == chosen


def test_get_unknown_is_none(profiles):
    assert profiles.get("unknown") is None


def test_pages_are_in_bytewise_order(profiles):
    for sub in ["b", "B", "a", "é", "_"]:
        profiles.get_or_create(sub, NOON)

    assert [p.sub for p in profiles.list_page(None, 10)] == ["B", "_", "a", "b", "é"]
    assert [p.sub for p in profiles.list_page("_", 2)] == ["a", "b"]
    assert list(profiles.list_page("é", 2)) == []


def test_concurrent_creation_makes_one_profile(database):
    profiles, start = SqlProfiles(database), threading.Barrier(8)

    def see(number):
        start.wait()
        return profiles.get_or_create("ada", NOON + number)

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(see, range(8)))

    assert len(seen) == 1
    assert list(profiles.list_page(None, 10)) == list(seen)


def test_concurrent_updates_are_all_kept(sqlite):
    profiles, start = SqlProfiles(sqlite), threading.Barrier(2)

    def change(changes):
        start.wait()
        profiles.update("ada", changes, NOON)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(change, [ProfileUpdate(name="Ada"), ProfileUpdate(shipping_address="1 Assay Lane")]))

    assert profiles.get("ada") == Profile("ada", "Ada", "1 Assay Lane", NOON, NOON, name_known=True)


def test_missing_table_is_storage_unavailable(sqlite):
    with sqlite.begin() as session:
        session.execute(text("DROP TABLE profiles"))

    with pytest.raises(StorageUnavailable):
        SqlProfiles(sqlite).get("ada")


def test_broken_file_is_storage_unavailable(sqlite, break_database):
    break_database(sqlite.engine)

    with pytest.raises(StorageUnavailable):
        SqlProfiles(sqlite).get("ada")
