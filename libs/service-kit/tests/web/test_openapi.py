import json
import re
from typing import ClassVar

import pytest
from pydantic import BaseModel
from service_kit.app import create_api
from service_kit.web.openapi import ApiBlueprint


class Answer(BaseModel):
    text: str
    schemas_made: ClassVar[int] = 0

    @classmethod
    def __get_pydantic_json_schema__(cls, schema, handler):
        cls.schemas_made += 1
        return handler(schema)


class Form(BaseModel):
    text: str


@pytest.fixture
def client(settings):
    routes = ApiBlueprint("answers", __name__)

    @routes.post("/answers", responses={200: Answer})
    def answers(form: Form):
        return form.text

    app = create_api("x", settings, title="X", version="1")
    app.register_api(routes)
    return app.test_client()


def test_schemas_are_made_at_first_request(client):
    before = Answer.schemas_made
    client.get("/livez")
    assert Answer.schemas_made == before

    first, second = (client.get("/openapi.json").json for _ in range(2))
    assert Answer.schemas_made == before + 1
    assert first == second
    assert set(first["components"]["schemas"]) == {
        "Alive",
        "Answer",
        "Followed",
        "Form",
        "Problem",
        "Ready",
        "Unready",
    }


def test_forms_are_documented_as_url_encoded(client):
    operation = client.get("/openapi.json").json["paths"]["/answers"]["post"]
    assert set(operation["requestBody"]["content"]) == {"application/x-www-form-urlencoded"}


def test_url_of_route_is_built(settings):
    app = create_api("x", settings, title="X", version="1")
    app.add_url_rule("/things/<int:number>", "thing", str)
    with app.test_request_context():
        assert app.url_for("thing", number=3, after="a b") == "/things/3?after=a+b"


def test_openapi_has_problems(app):
    document = app.test_client().get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "Test", "version": "1.2.3"}
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    responses = document["paths"]["/things"]["post"]["responses"]
    assert {"400", "401", "403", "413", "415", "422", "default"} <= set(responses)
    assert set(responses["422"]["content"]) == {"application/problem+json"}
    assert "422" not in document["paths"]["/livez"]["get"]["responses"]


def test_openapi_references_are_defined(app):
    document = app.test_client().get("/openapi.json").json
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        at = document
        for part in reference.split("/"):
            at = at[part]
