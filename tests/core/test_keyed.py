"""Is the keyed hash the HMAC that everybody else computes?"""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.keyed import KeyedHash


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_it_is_the_hmac_of_the_standard_library(key: bytes, text: bytes) -> None:
    assert KeyedHash(key).digest(text) == hmac.digest(key, text, "sha256")
