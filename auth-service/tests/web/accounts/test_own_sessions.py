"""A user's own sessions: the list, and ending one."""

import pytest

from ..helpers import bearer, refresh


def listed(client, answer):
    return client.get("/account/sessions", headers=bearer(answer)).get_json()["items"]


def test_session_shows_client_and_origin(client, log_in, clock):
    here = log_in(headers={"User-Agent": "Fire\x7ffox/9", "X-Forwarded-For": "203.0.113.7"})

    (session,) = listed(client, here)

    assert session.pop("sid")
    assert session == {
        "created_at": int(clock()),
        "last_used_at": int(clock()),
        "address": "203.0.113.7",
        "user_agent": "Firefox/9",
        "client": "Command line",
        "client_id": "cli",
        "current": True,
    }


def test_refresh_updates_origin_and_last_use(client, log_in, clock):
    here = log_in(headers={"X-Forwarded-For": "203.0.113.7"})
    began = int(clock())
    clock.advance(60)

    again = refresh(client, here, {"X-Forwarded-For": "198.51.100.1", "User-Agent": "curl"}).get_json()

    (session,) = listed(client, again)
    assert (session["created_at"], session["last_used_at"]) == (began, began + 60)
    assert (session["address"], session["user_agent"]) == ("198.51.100.1", "curl")


def test_user_agent_is_cut_and_optional(client, log_in):
    log_in(headers={"User-Agent": "x" * 2000})
    here = log_in(headers={"User-Agent": ""})

    assert sorted(len(each["user_agent"] or "") for each in listed(client, here)) == [0, 400]


def test_sessions_are_sorted_by_last_use(client, log_in, clock):
    answers = []
    for _ in range(3):
        answers.append(log_in())
        clock.advance(10)

    shown = listed(client, answers[1])

    assert [each["current"] for each in shown] == [True, False, False]
    assert shown[1]["created_at"] > shown[2]["created_at"]


def test_other_and_ended_sessions_are_not_listed(client, log_in):
    here, there, other = log_in(), log_in(), log_in("bob@example.com")
    client.post("/logout", headers=bearer(there))

    assert len(listed(client, here)) == 1
    assert len(listed(client, other)) == 1


def test_ended_session_loses_refresh_token(client, log_in):
    here, there = log_in(), log_in()
    sid = listed(client, there)[0]["sid"]

    assert client.delete(f"/account/sessions/{sid}", headers=bearer(here)).status_code == 204

    assert refresh(client, there).status_code == 400
    assert refresh(client, here).status_code == 200
    assert client.get("/account/sessions", headers=bearer(there)).status_code == 401


def test_current_session_can_be_ended(client, log_in):
    here = log_in()
    sid = listed(client, here)[0]["sid"]

    assert client.delete(f"/account/sessions/{sid}", headers=bearer(here)).status_code == 204
    assert client.delete(f"/account/sessions/{sid}", headers=bearer(here)).status_code == 401


def test_session_of_other_user_is_not_found(client, log_in):
    here, bob = log_in(), log_in("bob@example.com")
    sid = listed(client, bob)[0]["sid"]

    for each in (sid, "made-up", "x" * 500):
        answer = client.delete(f"/account/sessions/{each}", headers=bearer(here))
        assert answer.status_code == 404
        assert answer.get_json()["type"] == "urn:touchstone:problem:unknown_session"
    assert refresh(client, bob).status_code == 200


def test_ended_session_is_not_found(client, log_in):
    here, there = log_in(), log_in()
    sid = listed(client, there)[0]["sid"]
    client.delete(f"/account/sessions/{sid}", headers=bearer(here))

    assert client.delete(f"/account/sessions/{sid}", headers=bearer(here)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("get", "/account/sessions"), ("delete", "/account/sessions/x")]
)
def test_own_sessions_need_token(client, method, path):
    answer = getattr(client, method)(path)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_session_list_is_not_cached(client, log_in):
    answer = client.get("/account/sessions", headers=bearer(log_in()))

    assert answer.headers["Cache-Control"] == "no-store"


def test_session_use_is_stored(database, make_rules):
    rules = make_rules(database)
    session, _, _ = rules.open(rules.account())

    with database.transaction() as tx:
        tx.sessions.record_use(session.sid, 5.0, "2001:db8::1", "curl", 6.0)

    kept = rules.session(session.sid)
    assert (kept.created_at, kept.last_used_at) == (rules.clock(), 5.0)
    assert (kept.address, kept.user_agent) == ("2001:db8::1", "curl")
