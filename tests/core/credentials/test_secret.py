"""Does a secret show up anywhere by accident?"""

import base64
import copy
import json
import logging
import pickle
from dataclasses import asdict, dataclass
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from isthmus.core.credentials import Redactor, Secret, redact

VALUE = "CANARY s3cret/+\"'é\\value"


def test_prints_as_a_mask():
    secret = Secret(VALUE)
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", "%s %r" % (secret, [secret])):  # noqa: UP031
        assert "CANARY" not in text
    assert "CANARY" not in json.dumps([secret], default=str)
    assert secret.reveal() == VALUE


def test_is_not_serialised():
    secret = Secret(VALUE)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_is_copied_as_itself():
    @dataclass
    class Holder:
        secret: Secret

    secret = Secret(VALUE)
    assert copy.deepcopy([secret])[0] is secret
    assert asdict(Holder(secret))["secret"] is secret


def test_compares_by_value_with_secrets_only():
    assert Secret("same é") == Secret("same é")
    assert hash(Secret("same")) == hash(Secret("same"))
    assert Secret("one") != Secret("two")
    assert Secret("same") != "same"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=60), st.binary(max_size=7))
def test_every_spelling_is_masked(value, before):
    secret = Secret(value)
    for text in (value, quote(value), quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], repr(value)):
        assert value not in redact(f"left {text} right") or value in "left [secret] right"
    if len(value.encode()) >= 8:
        whole = base64.b64encode(before + value.encode() + b"tail").decode()
        assert redact(whole) != whole
    assert secret.reveal() == value


def test_a_forgotten_secret_is_no_longer_looked_for():
    secret = Secret("CANARY-forgotten")
    assert redact("x CANARY-forgotten") == "x [secret]"
    del secret
    assert redact("x CANARY-forgotten") == "x CANARY-forgotten"


def test_an_equal_secret_keeps_the_mask_when_the_other_goes():
    first, second = Secret("CANARY-twice"), Secret("CANARY-twice")
    del first
    assert redact("CANARY-twice") == "[secret]"
    assert second


def test_of_two_secrets_the_longer_is_masked_whole():
    kept = (Secret("CANARY"), Secret("CANARY-and-more"))
    assert redact("CANARY-and-more") == "[secret]"
    assert kept


def test_lines_of_a_pem_are_masked_one_by_one(rsa_pem):
    secret = Secret(rsa_pem)
    assert redact(rsa_pem.splitlines()[5]) == "[secret]"
    assert secret


class Shown(logging.Handler):
    """Keep what a plain formatter makes of each record."""

    def __init__(self):
        super().__init__()
        self.addFilter(Redactor())
        self.setFormatter(logging.Formatter("%(message)s %(extra)s", defaults={"extra": ""}))
        self.texts, self.records = [], []

    def emit(self, record):
        self.texts.append(self.format(record))
        self.records.append(record)


@pytest.fixture
def shown():
    handler, logger = Shown(), logging.getLogger("test.redactor.child")
    parent = logging.getLogger("test.redactor")
    parent.addHandler(handler)
    parent.propagate = False
    logger.setLevel(logging.DEBUG)
    yield handler, logger
    parent.removeHandler(handler)


def test_log_records_are_masked_everywhere(shown):
    handler, logger = shown
    secret = Secret(VALUE)
    basic = base64.b64encode(f"me:{VALUE}".encode()).decode()
    logger.info("token %s and %r", VALUE, {"header": f"Basic {basic}"}, extra={"extra": [VALUE]})
    try:
        int(VALUE)
    except ValueError:
        logger.exception("failed", stack_info=True)
    assert handler.texts[0].count("[secret]") == 3
    for text, record in zip(handler.texts, handler.records, strict=True):
        assert "CANARY" not in text
        assert basic[8:20] not in text
        assert "CANARY" not in repr(record.__dict__)
    assert "Traceback" in handler.texts[1]
    assert secret


def test_a_log_call_that_does_not_fit_stops_nobody(shown):
    handler, logger = shown
    secret = Secret(VALUE)
    logger.info("%d", VALUE)
    assert "[secret]" in handler.texts[0]
    assert secret


def test_a_model_does_not_print_it():
    class Model(BaseModel, arbitrary_types_allowed=True):
        secret: Secret

    assert "CANARY" not in repr(Model(secret=Secret(VALUE)))
