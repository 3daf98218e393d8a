"""The same of the mint, whose document is as long as all others together: a file of its own for a worker of its own."""

EXAMPLES = 10


def test_every_answer_is_one_that_the_document_knows(shake):
    shaker = shake("auth-service", EXAMPLES)

    faults = shaker()

    assert not faults, "\n\n".join(f"{name}\n{fault}" for name, fault in faults.items())
    assert shaker.asked > 0
