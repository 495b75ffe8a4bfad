"""Do both writers of digested JSON write alike, and is what JSON cannot carry refused on both ways?"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isthmus.core.authorization import _CANONICAL, canonical
from isthmus.core.errors import InvalidArguments
from isthmus.core.operation import Verb
from isthmus.core.request import Get
from isthmus.core.tools import surface

TEXTS = st.text(st.characters(), max_size=12)


@given(TEXTS, st.none() | TEXTS, TEXTS, st.lists(TEXTS, max_size=4))
@example("a", None, "003\x00\x1f\x7f\b\f\n\r\t\"\\/<>&'", ["\u2028"])
@example("a", "b", "\ud800", ["Id"])
@example("a", None, "\x7f", [])
def test_a_digest_is_taken_over_the_same_bytes_whichever_writer(
    agent: str, user: str | None, id: str, fields: list[str]
) -> None:
    told = [agent, user, "get", "crm-eu", "Get", Get("Contact", id, tuple(fields))]
    assert canonical(told) == _CANONICAL.encode(told).encode()


@pytest.mark.parametrize("wrong", ["\ud800", float("nan"), ["Id", "\udfff"], ["Id", float("inf")], object()])
def test_what_json_cannot_carry_is_refused(wrong: object) -> None:
    get = next(tool for tool in surface({"crm": (Verb.GET,)}) if tool.verb is Verb.GET)
    arguments = {"system": "crm", "object": "Contact", "id": "1", "fields": ["Id"]}
    get.check(arguments)
    for name in ("id", "fields"):
        with pytest.raises(InvalidArguments, match="JSON cannot carry"):
            get.check({**arguments, name: wrong})
    with pytest.raises(InvalidArguments, match="JSON cannot carry"):
        get.check({**arguments, "\ud800": "x"})
