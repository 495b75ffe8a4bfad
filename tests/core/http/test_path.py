from urllib.parse import unquote

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isthmus.core.errors import InvalidArguments
from isthmus.core.http import path

HOSTILE = [
    "",
    ".",
    "..",
    "../../admin",
    "a/../b",
    "a/..",
    "..%2f",
    "%2e%2e",
    "a%2fb",
    "a%5cb",
    "%252e%252e",
    "a%00",
    "a\\b",
    "\\..\\b",
    "a\x00b",
    "a\nb",
    "a\r\nHost: evil",
    "a\tb",
    "\x7f",
    "\ud800",
    "．．",
    "‥",
    "..／x",
    "a\u2028b",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_refuses_hostile_segments(value):
    with pytest.raises(InvalidArguments):
        path("/sobjects/{}/{}", "Account", value)


def test_dots_of_template_and_value_cannot_join():
    with pytest.raises(InvalidArguments):
        path("/x/{}{}", "..", "")
    with pytest.raises(InvalidArguments):
        path("/x/.{}/y", ".")


@pytest.mark.parametrize(
    "template", ["x", "", "//evil/{}", "/a/../{}", "/a b", "/{", "/{0}", "/a?x={}", "/a#{}", "/%2f{}"]
)
def test_refuses_templates_that_are_no_paths(template):
    with pytest.raises(ValueError, match=r"template|dot segment|values"):
        path(template, "v")


def test_wants_a_value_for_each_brace():
    with pytest.raises(ValueError, match="takes 2 values"):
        path("/x/{}/{}", "one")
    with pytest.raises(ValueError, match="takes 0 values"):
        path("/x", "one")


@given(st.text(max_size=60))
@example("a/b?c#d;e=f&g%20")
@example("ä ö/ü")
def test_any_accepted_value_is_exactly_one_segment(value):
    try:
        built = path("/base/{}/tail", value)
    except InvalidArguments:
        return
    url = httpx2.URL("https://good.example" + built)
    assert url.host == "good.example"
    assert url.query == b""
    assert url.fragment == ""
    segments = url.raw_path.decode().split("/")
    assert segments[:2] == ["", "base"]
    assert segments[3:] == ["tail"]
    assert unquote(segments[2]) == value
