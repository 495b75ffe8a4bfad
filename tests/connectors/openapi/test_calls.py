"""Is a request exactly one listed operation, and is an answer no more than the document describes?"""

import json
from pathlib import Path

import httpx2
import pytest

from isthmus.connectors.openapi import OpenApi, OpenApiSettings
from isthmus.core.errors import InvalidArguments
from isthmus.core.testing import Examples, Run, Subject
from isthmus.core.testing.bench import Bench
from isthmus.core.testing.calls import invoking

from .desk import Desk, settings
from .test_writing import ARRAY, operation, write


def test_an_answer_is_cut_to_what_the_document_describes() -> None:
    desk = Subject(
        connector=OpenApi,
        settings=settings(),
        upstream=Desk,
        examples=Examples(object="tickets", id="t3", fields=(), text=""),
    )
    bench = Bench(desk)
    done = bench.run(invoking(desk, bench.facts("tickets"), Run("escalate", {"to": "boss"}, "tickets", "t3")))
    assert done.value.values == {"state": "escalated", "to": "boss"}  # type: ignore[attr-defined]


def test_a_path_that_two_operations_could_mean_is_refused(tmp_path: Path) -> None:
    def get(id: str, name: str) -> dict[str, object]:
        told = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        return {"get": {"operationId": id, "parameters": [told], "responses": {}}}

    paths = {"/x/{a}": get("one", "a"), "/x/{b}": get("two", "b"), "/y/{a}": get("three", "a")}
    (tmp_path / "twins.json").write_text(json.dumps({"openapi": "3.0.0", "paths": paths}))
    operations = {"one": {"effect": "read"}, "two": {"effect": "read"}, "three": {"effect": "read"}}
    told = OpenApiSettings.model_validate({"document": tmp_path / "twins.json", "operations": operations})
    connector = OpenApi("example", told)
    asked = [httpx2.Request("GET", f"https://upstream.example/{one}/7") for one in "xy"]
    assert [len(connector.classify(one)) for one in asked] == [0, 1]


@pytest.mark.parametrize("style", ["form", "spaceDelimited", "pipeDelimited"])
def test_a_part_that_holds_what_separates_the_parts_is_refused(style: str) -> None:
    one = operation([{"name": "p", "in": "query", "schema": ARRAY, "style": style, "explode": False}])
    with pytest.raises(InvalidArguments, match="separates"):
        write(one, "", {"p": ["a, b|c", "d"]})
