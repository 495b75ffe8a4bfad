"""Which exchanges did other clients record with real orgs, and how do they look in the sandbox's world?"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import yaml

FIXTURES = Path(__file__).parents[4].parent / "shared" / "fixtures" / "salesforce"
CUMULUSCI = FIXTURES / "cumulusci" / "cumulusci"
RESTFORCE = FIXTURES / "restforce" / "spec" / "fixtures"
_SHARED = CUMULUSCI / "tests" / "shared_cassettes"
_TEMPLATES = _SHARED / "vcr_string_templates"


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer; `source` names the file it stands in, `shared` says that many include it."""

    source: str
    method: str
    path: str
    query: str
    body: str
    status: int
    answer: str
    shared: bool

    @property
    def name(self) -> str:
        """The request as the page of differences names it: ids and versions have no meaning there."""
        path = re.sub(r"/v(?:xx|\d+)\.0", "", self.path).removeprefix("/services/data")
        query = " ".join(unquote_plus(self.query).removeprefix("q=").split())
        return f"{self.method} {path.rstrip('/')}" + (f"?{query}" if query else "")


def cassettes() -> Iterator[tuple[str, list[Exchange]]]:
    """Yield the exchanges of every cassette in their order."""
    for path in sorted(CUMULUSCI.rglob("*.yaml")):
        loaded = _load(path)
        yield path.stem, [_exchange(each, path.stem) for each in loaded.get("interactions", [loaded])]


def _load(path: Path) -> dict[str, Any]:
    if path not in _LOADED:
        _LOADED[path] = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    return _LOADED[path]


_LOADED: dict[Path, dict[str, Any]] = {}


def _exchange(told: Mapping[str, Any], source: str) -> Exchange:
    if "include_file" in told:
        name = told["include_file"]
        return _exchange(_load(_SHARED / name), name.removesuffix(".yaml"))
    request, response = told["request"], told["response"]
    parts = urlsplit(request["uri"])
    body = request.get("body") or ""
    return Exchange(
        source=source,
        method=request["method"],
        path=parts.path,
        query=parts.query,
        body=body if isinstance(body, str) else body.decode(),
        status=response.get("status", {}).get("code", 200),
        answer=_text(response.get("body", {})),
        shared=(_SHARED / f"{source}.yaml").exists(),
    )


def _text(told: Any) -> str:
    told = told["string"] if isinstance(told.get("string"), dict) else told
    if "include_template" in told:
        text = (_TEMPLATES / told["include_template"]).read_text("utf-8")
        return re.sub(r"\{(\w+)(?::(\w*))?\}", lambda match: str(told["vars"].get(match[1], match[2])), text)
    text = told.get("string") or ""
    return text if isinstance(text, str) else text.decode()


def parsed(text: str) -> Any:
    """Return JSON, or None for what is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None
