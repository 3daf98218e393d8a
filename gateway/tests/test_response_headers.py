"""What is dropped from a service's answer, and what is set."""

import pytest
from gateway.response_headers import SAFE, Hygiene, pairs


def answer(status, headers, safe=()):
    return pairs(Hygiene(safe)(status, headers).head)


def test_a_services_answer_loses_what_is_not_for_the_client():
    came = [
        (b"server", b"granian"),
        (b"date", b"x"),
        (b"connection", b"x-internal"),
        (b"x-internal", b"1"),
        (b"keep-alive", b"5"),
        (b"x-powered-by", b"p"),
    ]

    assert answer(200, came) == []


def test_a_services_answer_keeps_its_own_and_gets_what_it_lacks():
    kept = answer(
        200, [(b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"x-frame-options", b"SAMEORIGIN")], SAFE
    )

    assert kept[:3] == [(b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"x-frame-options", b"SAMEORIGIN")]
    assert (b"x-content-type-options", b"nosniff") in kept
    assert (b"x-frame-options", b"DENY") not in kept


@pytest.mark.parametrize("pair", [(b"content-length", b"5x"), (b"a b", b"1"), (b"x", b"a\rb"), (b"", b"1")])
def test_what_cannot_be_sent_on_is_dropped(pair):
    assert answer(200, [pair]) == []


def test_an_answer_without_a_body_states_no_length_and_no_answer_two():
    assert answer(304, [(b"content-length", b"5")]) == []
    assert answer(200, [(b"content-length", b"5"), (b"content-length", b"6")]) == [(b"content-length", b"5")]
