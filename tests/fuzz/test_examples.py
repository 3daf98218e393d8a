"""Each example of the joined OpenAPI document is what the services accept, and as its schema says."""

import pytest
from jsonschema import Draft202012Validator

METHODS = {"get", "post", "put", "patch", "delete"}
PROBLEM = "application/problem+json"
# The caller of what a customer may not use.
CALLERS = {"/admin/": "an administrator", "/ssf/": "a receiver"}
# OAuth errors for examples that are well-formed, but name nothing that exists.
UNKNOWN_VALUE = {"invalid_grant", "invalid_client", "invalid_token"}
# The fuzzing of this cluster sends the examples as well, so what they register may be there.
USED = "is already used"


@pytest.fixture(scope="module")
def document(fuzzed_cluster, client_at):
    return client_at(fuzzed_cluster.gateway)("GET", "/openapi.json").json()


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            yield method.upper(), path, item[method]


def schema_of(document, media):
    name = media["schema"].get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"].get(name, media["schema"])


def examples_of(document, media):
    """The examples of a body: its own, else those of its schema."""
    if "example" in media:
        return [media["example"]]
    return [each["value"] for each in media.get("examples", {}).values()] or schema_of(document, media).get(
        "examples", []
    )


def path_of(path, operation):
    for each in operation.get("parameters", []):
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", str(each["example"]))
    return path


def test_examples_of_bodies_are_accepted(document, fuzzed_cluster, callers, client_at):
    gateway = client_at(fuzzed_cluster.gateway)
    faults = []
    sent = 0
    for method, path, operation in operations(document):
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            examples = examples_of(document, media)
            if not examples:
                faults.append(f"{method} {path}: no example")
            for example in examples:
                caller = next((who for start, who in CALLERS.items() if path.startswith(start)), "a customer")
                token = callers[caller](path) if operation.get("security") else None
                body = {"json": example} if media_type == "application/json" else {"data": example}
                answer = gateway(method, path_of(path, operation), token=token, **body)
                sent += 1
                oauth_error = answer.json().get("error") if answer.status_code == 400 else None
                known = oauth_error in UNKNOWN_VALUE or USED in answer.text
                if answer.status_code in {400, 422} and not known:
                    faults.append(f"{method} {path}: {answer.status_code} {answer.text}")

    assert faults == []
    assert sent > 20


def test_examples_are_as_their_schemas_say(document):
    faults = []
    for method, path, operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in (media for body in bodies for media in body.get("content", {}).values()):
            schema = {**schema_of(document, media), "components": document["components"]}
            for example in examples_of(document, media):
                errors = Draft202012Validator(schema).iter_errors(example)
                faults += [f"{method} {path}: {error.message}" for error in errors]

    assert faults == []


def test_every_operation_is_described(document):
    faults = []
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        if not operation.get("summary", "").endswith(".") or "`" in operation["summary"]:
            faults.append(f"{where}: summary")
        faults += [
            f"{where}: {each['name']}"
            for each in operation.get("parameters", [])
            if not each.get("description")
        ]
        for status, response in operation["responses"].items():
            media = response.get("content", {}).get(PROBLEM)
            if media and status != "default" and media.get("example", {}).get("status") != int(status):
                faults.append(f"{where}: example of {status}")
    tags = {each["name"] for each in document["tags"] if each["description"]}
    used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}

    assert faults == []
    assert tags == used
