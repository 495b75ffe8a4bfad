"""Does openapi-core, an independent reader of documents, accept every request that a made-up call becomes?

It lives in an environment of its own, so this runs on request only: `ISTHMUS_INTEROP=1 uv run pytest tests/interop`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.connectors.openapi.making import fitting
from tests.connectors.openapi.test_documents import BASE, FILES, subject
from tests.interop.test_elsewhere import CLIENTS, python_with

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON
from isthmus.core.testing import Run
from isthmus.core.testing.bench import Bench
from isthmus.core.testing.calls import invoking

pytestmark = [
    pytest.mark.skipif(
        "ISTHMUS_INTEROP" not in os.environ, reason="set ISTHMUS_INTEROP=1 to fetch openapi-core from its registry"
    ),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return python_with(tmp_path_factory.mktemp("openapi") / "env", "openapi-core[requests]>=0.19", "pyyaml")


def requests_of(file: Path) -> list[dict[str, object]]:
    """Make calls of every tool and return the requests that left."""
    told = subject(file)
    bench, found = Bench(told), list[dict[str, object]]()
    for promoted in told.build().promoted():
        action, about = promoted.action, promoted.object
        optional = {name: fitting(one) for name, one in action.parameters.items() if name not in action.required}
        needed = {name: fitting(action.parameters[name]) for name in action.required}
        calls = st.fixed_dictionaries(needed, optional=optional)

        @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
        @given(arguments=calls)
        def call(arguments: dict[str, JSON]) -> None:
            run = Run(action.name, arguments, about)  # noqa: B023 called in this turn of the loop
            outcome = bench.run(invoking(told, bench.facts(about), run))  # noqa: B023
            if isinstance(outcome.error, InvalidArguments):
                return
            assert outcome.error is None
            found.extend(_told(one.request) for one in outcome.exchanges)

        call()
    return found


def _told(request: httpx2.Request) -> dict[str, object]:
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return {"method": request.method, "url": str(request.url), "headers": headers, "body": request.content.decode()}


@pytest.mark.parametrize("file", FILES, ids=lambda one: one.name)
def test_every_request_is_accepted(file: Path, python: Path, tmp_path: Path) -> None:
    requests = requests_of(file)
    (tmp_path / "requests.json").write_text(json.dumps(requests))
    told = {
        "document": str(file),
        "server": f"https://upstream.example{BASE}",
        "requests": str(tmp_path / "requests.json"),
    }
    command = [python, "-W", "ignore", CLIENTS / "openapi_core_client.py", json.dumps(told)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout)
    assert answer["judged"] > 20
    assert not answer["refused"], (answer["count"], answer["judged"], answer["refused"], sys.version)
