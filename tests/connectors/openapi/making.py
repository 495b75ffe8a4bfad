"""Values that fit a schema, for calls that nobody thought of; and a reader of requests that is not the code under test."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2
import jsonschema
from hypothesis import strategies as st

_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
_SAFE = st.text("abcXYZ019-_ äß", min_size=1, max_size=12).filter(lambda one: one == one.strip())


def fitting(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, depth: int = 0) -> st.SearchStrategy[Any]:
    """Make values that fit what the schemas of the documents use."""
    root = schema if root is None else root
    if "$ref" in schema:
        return fitting(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, depth)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "allOf" in schema:
        parts = [
            fitting(one, root, depth) for one in (*schema["allOf"], {k: v for k, v in schema.items() if k != "allOf"})
        ]
        return st.tuples(*parts).map(
            lambda some: {k: v for one in some if isinstance(one, dict) for k, v in one.items()}
        )
    kind = schema.get("type", "object")
    return _BY_TYPE[kind[0] if isinstance(kind, list) else kind](schema, root, depth)


def _text(schema: Mapping[str, Any], _root: object, _depth: int) -> st.SearchStrategy[Any]:
    if schema.get("format") == "date":
        return st.dates().map(lambda one: one.isoformat())
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda one: one.isoformat() + "Z")
    if "pattern" in schema:
        return st.from_regex(
            schema["pattern"], fullmatch=True, alphabet=st.characters(codec="ascii", categories=("L", "N", "P"))
        )
    return (_SAFE | _TEXTS).filter(lambda one: len(one) >= schema.get("minLength", 0))


def _number(schema: Mapping[str, Any], _root: object, _depth: int) -> st.SearchStrategy[Any]:
    return st.integers(int(schema.get("minimum", -1000)), int(schema.get("maximum", 10**6)))


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> st.SearchStrategy[Any]:
    parts = {name: fitting(one, root, depth + 1) for name, one in schema.get("properties", {}).items()}
    needed = {name: one for name, one in parts.items() if name in schema.get("required", ())}
    rest = {name: one for name, one in parts.items() if name not in needed} if depth < 4 else {}
    return st.fixed_dictionaries(needed, optional=rest)


def _array(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> st.SearchStrategy[Any]:
    return st.lists(fitting(schema.get("items", {"type": "string"}), root, depth + 1), min_size=1, max_size=2)


_BY_TYPE = {"string": _text, "integer": _number, "number": _number, "object": _object, "array": _array,
            "boolean": lambda *_: st.booleans()}  # fmt: skip


class Reader:
    """Reads a request against a document as it is written, with nothing but jsonschema and the standard library."""

    def __init__(self, document: Mapping[str, Any], base: str) -> None:
        self.document, self.base = document, base

    def resolved(self, one: Any) -> Any:
        while isinstance(one, Mapping) and "$ref" in one:
            found: Any = self.document
            for step in one["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            one = found
        return one

    def check(self, request: httpx2.Request, id: str) -> None:
        [(template, method, path, told)] = [
            (template, method, path, told)
            for template, path in self.document["paths"].items()
            for method, told in path.items()
            if isinstance(told, Mapping) and told.get("operationId") == id
        ]
        assert request.method == method.upper()
        parameters = [self.resolved(one) for one in (*path.get("parameters", ()), *told.get("parameters", ()))]
        raw, _, query = request.url.raw_path.decode().partition("?")
        pattern = re.sub(r"\\\{[^{}]+\\\}", "([^/]+)", re.escape(template))
        found = re.fullmatch(re.escape(self.base) + pattern, raw)
        assert found, (template, raw)
        names = re.findall(r"\{([^{}]+)\}", template)
        for name, value in zip(names, found.groups(), strict=True):
            self._value([one for one in parameters if one["in"] == "path" and one["name"] == name], [unquote(value)])
        given: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)):
            given.setdefault(name, []).append(value)
        for one in parameters:
            if one["in"] == "query" and one.get("style") == "deepObject":
                self._deep(one, given)
            elif one["in"] == "query":
                assert one["name"] in given or not one.get("required")
        for name, values in given.items():
            self._value([one for one in parameters if one["in"] == "query" and one["name"] == name], values)
        self._body(request, told)

    def _deep(self, one: Any, given: dict[str, list[str]]) -> None:
        """Take what a deep object was given: each property is a parameter of its own, `name[property]`."""
        for name, schema in self.resolved(one["schema"]).get("properties", {}).items():
            values = given.pop(f"{one['name']}[{name}]", None)
            if values is not None:
                self._value([{"schema": schema}], values)

    def _value(self, declared: list[Any], values: list[str]) -> None:
        [one] = declared
        schema = self.resolved(one["schema"])
        several = schema.get("type") == "array"
        items = self.resolved(schema["items"]) if several else schema
        parts = (
            values
            if several and len(values) > 1
            else values[0].split(",")
            if several and one.get("explode") is False
            else values
        )
        read = [
            int(part) if items.get("type") == "integer" else part == "true" if items.get("type") == "boolean" else part
            for part in parts
        ]
        self._fits(read if several else read[0], schema)
        assert several or len(values) == 1

    def _body(self, request: httpx2.Request, told: Mapping[str, Any]) -> None:
        body = self.resolved(told.get("requestBody"))
        if not request.content:
            assert not body or not body.get("required")
            return
        media = request.headers["content-type"].partition(";")[0].lower()
        content = next(one for name, one in body["content"].items() if name.lower() == media)
        sent = dict(parse_qsl(request.content.decode())) if "form" in media else json.loads(request.content)
        self._fits(sent, content["schema"])

    def _fits(self, value: Any, schema: Any) -> None:
        whole = {"allOf": [schema], "components": self.document.get("components", {})}
        jsonschema.Draft202012Validator(whole).validate(value)
