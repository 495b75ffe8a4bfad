"""How large is the list that every agent carries, and does it say what the tools are?"""

import json
from typing import Any

from isthmus.core.operation import Verb
from isthmus.core.tools import surface
from isthmus.plugins.mcp.listing import listed

SURFACE = surface({name: list(Verb) for name in ("crm", "erp", "hr", "itsm")})


def sent() -> dict[str, dict[str, Any]]:
    return {one.name: listed(one).model_dump(by_alias=True, mode="json", exclude_none=True) for one in SURFACE}


def test_the_default_surface_stays_within_its_share_of_a_context() -> None:
    size = {name: len(json.dumps(one, separators=(",", ":"))) // 4 for name, one in sent().items()}
    # Hosts give a model the name, the description and the input schema; the rest is for the host.
    model = [{key: one[key] for key in ("name", "description", "inputSchema")} for one in sent().values()]
    read = len(json.dumps(model, separators=(",", ":"))) // 4
    print(f"tools/list: {sum(size.values())} tokens for {len(size)} tools, of which a model reads {read}: {size}")
    assert sum(size.values()) <= 390 * len(size)
    assert read <= 240 * len(size)


def test_hints_follow_from_effects() -> None:
    hints = {name: one["annotations"] for name, one in sent().items()}
    reads = {name for name, one in hints.items() if one["readOnlyHint"]}
    assert reads == {"describe", "query", "export", "changes", "get", "search", "aggregate", "download"}
    assert not any(hints[name]["destructiveHint"] for name in (*reads, "create"))
    assert all(hints[name]["destructiveHint"] for name in ("update", "upsert", "delete"))
    assert not hints["create"]["idempotentHint"]


def test_what_is_listed_never_promises_less_than_what_is_checked() -> None:
    for tool in SURFACE:
        shown = listed(tool)
        assert shown.input_schema["required"] == tool.input_schema["required"]
        assert set(shown.input_schema["properties"]) == set(tool.input_schema["properties"])  # type: ignore[arg-type]
        assert shown.input_schema["additionalProperties"] is False


def test_a_field_named_like_a_bound_is_kept() -> None:
    [tool] = [one for one in SURFACE if one.name == "get"]
    odd = {"type": "object", "properties": {"maxLength": {"type": "string", "maxLength": 5}}}
    changed = type(tool)(tool.name, tool.verb, tool.effects, tool.description, odd, odd)
    assert listed(changed).input_schema["properties"] == {"maxLength": {"type": "string"}}


def test_a_page_is_no_larger_than_a_models_context_takes() -> None:
    properties = sent()["query"]["inputSchema"]["properties"]
    assert properties["limit"]["maximum"] == 200
