"""Does every document become tools at once, and is every call of every tool what the document describes?"""

import time
from pathlib import Path

import httpx2
import jsonschema_rs
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from isthmus.connectors.openapi import OpenApi, OpenApiSettings
from isthmus.connectors.openapi.reading import read_document
from isthmus.connectors.openapi.text import read_text
from isthmus.core.errors import InvalidArguments
from isthmus.core.promotion import promoted_tools
from isthmus.core.testing import Examples, Run, Subject
from isthmus.core.testing.bench import Bench
from isthmus.core.testing.calls import invoking

from .desk import DOCUMENT
from .making import Reader, fitting

VENDORS = Path(__file__).parents[4] / "shared/fixtures/workday/openapi"
INTERNAL = Path(__file__).parents[3] / "plugins/sandbox/src/isthmus/plugins/sandbox/internal/openapi.yaml"
FILES = [DOCUMENT, INTERNAL, *sorted(VENDORS.glob("*.yml"))]
BASE = "/ccx/api/v1/kessmar"

if not VENDORS.is_dir():
    print(f"no documents of vendors at {VENDORS}")


@pytest.mark.skipif(not VENDORS.is_dir(), reason=f"no documents of vendors at {VENDORS}")
def test_the_documents_of_vendors_are_there() -> None:
    assert len(FILES) == 6


def listing_all(file: Path) -> OpenApiSettings:
    document = read_document(file.name, read_text(file.read_bytes(), file.name))
    usable = [one for one in document.operations.values() if not one.problem]
    assert len(usable) == len(document.operations)
    effects = {one.id: {"effect": "read" if one.method == "GET" else "execute", "promote": True} for one in usable}
    return OpenApiSettings.model_validate({"document": file, "base_path": BASE, "operations": effects})


@pytest.mark.parametrize("file", FILES, ids=lambda one: one.name)
def test_becomes_tools_in_less_than_a_second(file: Path) -> None:
    told = listing_all(file)
    began = time.process_time()
    connector = OpenApi("example", told)
    tools = promoted_tools("hr", [connector.promoted()], ())
    spent = time.process_time() - began
    assert len(tools) == len(told.operations)
    assert spent < 1, f"{file.name}: {spent:.2f} s"
    for tool in tools:
        jsonschema_rs.Draft202012Validator(dict(tool.input_schema))
        assert jsonschema_rs.meta.is_valid(dict(tool.input_schema))


def subject(file: Path) -> Subject:
    return Subject(
        connector=OpenApi,
        settings=listing_all(file),
        upstream=lambda: httpx2.MockTransport(lambda _: httpx2.Response(200, json={})),
        examples=Examples(object="x", id="x", fields=(), text=""),
    )


@pytest.mark.parametrize("file", FILES, ids=lambda one: one.name)
@settings(
    max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_every_request_is_what_the_document_describes(file: Path, data: st.DataObject) -> None:
    known = _BENCHES.setdefault(file, Bench(subject(file)))
    connector = _CONNECTORS.setdefault(file, known.subject.build())
    promoted = data.draw(st.sampled_from(list(connector.promoted())))
    action = promoted.action
    told = {
        name: data.draw(fitting(schema), name)
        for name, schema in action.parameters.items()
        if name in action.required or data.draw(st.booleans())
    }
    run = Run(action.name, told, promoted.object)
    outcome = known.run(invoking(known.subject, known.facts(promoted.object), run))
    if isinstance(outcome.error, InvalidArguments):
        assert not outcome.exchanges
        return
    assert outcome.error is None
    [sent] = outcome.exchanges
    Reader(yaml.safe_load(file.read_text("utf-8")) if file not in _RAW else _RAW[file], BASE).check(
        sent.request, action.name
    )


_BENCHES: dict[Path, Bench] = {}
_CONNECTORS: dict[Path, OpenApi] = {}
_RAW = {
    file: yaml.load(file.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) for file in FILES
}
