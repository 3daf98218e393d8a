"""Whatever is sent, each service answers as its own OpenAPI document says, and never with a fault of its own."""

import pytest

# Behind the door stand the same services once more: a few examples show whether it adds answers of its own.
EXAMPLES = {"users-service": 15, "orders-service": 15, "gateway": 4}


@pytest.mark.parametrize("service", list(EXAMPLES))
def test_every_answer_is_one_that_the_document_knows(shake, service):
    shaker = shake(service, EXAMPLES[service])

    faults = shaker()

    assert not faults, "\n\n".join(f"{name}\n{fault}" for name, fault in faults.items())
    assert shaker.asked > 0
