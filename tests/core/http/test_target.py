"""A target that two servers could read differently is not read at all."""

import re

import httpx2
import pytest

from isthmus.core.http import parameters, segments

FORM = re.compile(r"/api(?:/v[12])?(?P<rest>(?:/[^/;]+)*)/?")


def get(target: str) -> httpx2.Request:
    return httpx2.Request("GET", f"https://system.example{target}")


@pytest.mark.parametrize(
    ("target", "parts"),
    [("/api/v1/table/x", ["table", "x"]), ("/api/a%20b", ["a b"]), ("/api", []), ("/api/v2/t/%C3%A4?q=/", ["t", "ä"])],
)
def test_splits_what_is_plain(target: str, parts: list[str]) -> None:
    assert segments(get(target), FORM) == parts


@pytest.mark.parametrize("hidden", ["%2f", "%252F", "%5c", "%2e%2e", "%00", "%25252e", "%0a", "%ff", "\\"])
def test_what_somebody_may_decode_is_not_split(hidden: str) -> None:
    request = get("/api/a")
    request.url = httpx2.URL("https://system.example").copy_with(raw_path=f"/api/a{hidden}b".encode())
    assert segments(request, FORM) is None


@pytest.mark.parametrize("target", ["/other/a", "/api/a;b", "/api//a", "/apia"])
def test_another_form_is_not_split(target: str) -> None:
    assert segments(get(target), FORM) is None


@pytest.mark.parametrize(("query", "read"), [("", {}), ("a=1&b=", {"a": "1", "b": ""}), ("a=%26", {"a": "&"})])
def test_reads_parameters(query: str, read: dict[str, str]) -> None:
    assert parameters(get(f"/api?{query}")) == read


@pytest.mark.parametrize("query", ["a=1&a=2", "a=1;b=2", "a", "a=%ff"])
def test_parameters_that_could_be_read_in_two_ways_are_none(query: str) -> None:
    assert parameters(get(f"/api?{query}")) is None
