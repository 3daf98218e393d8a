"""Each service answers any request as its OpenAPI document says, and never with an error of its own."""

import pytest

# The services behind the gateway are fuzzed directly: a few examples show whether it adds answers of its own.
EXAMPLES = {"users-service": 10, "orders-service": 10, "gateway": 3}


@pytest.mark.parametrize("service", list(EXAMPLES))
def test_answers_conform_to_document(make_fuzzer, service):
    fuzzer = make_fuzzer(service, EXAMPLES[service])

    faults = fuzzer()

    assert not faults, "\n\n".join(f"{name}\n{fault}" for name, fault in faults.items())
    assert fuzzer.sent > 0
