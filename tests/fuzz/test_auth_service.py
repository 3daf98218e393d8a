"""auth-service answers as its OpenAPI document says. A file of its own: the document is as long as all others together."""

EXAMPLES = 6


def test_answers_conform_to_document(make_fuzzer):
    fuzzer = make_fuzzer("auth-service", EXAMPLES)

    faults = fuzzer()

    assert not faults, "\n\n".join(f"{name}\n{fault}" for name, fault in faults.items())
    assert fuzzer.sent > 0
