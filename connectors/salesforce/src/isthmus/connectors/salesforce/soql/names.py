"""Which names, words and functions may a SOQL statement hold, and how is a refusal said?"""

import re

MAX_NAME = 80
MAX_PATH = 6
MAX_DEPTH = 32
MAX_STATEMENT = 100_000

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


RESERVED = _words(
    "AND AS ASC DESC DISTINCT ELSE END EXCLUDES FALSE FROM HAVING IN INCLUDES LIKE LIMIT NOT NULL NULLS OR SELECT THEN",
    "TRUE TYPEOF USING WHEN WHERE WITH",
)
"""Words that never begin a field path. `Group` and `Order` do: both are objects and relationships."""

NO_ALIAS = RESERVED | _words("ALL BY FIRST FOR GROUP LAST OFFSET ORDER ROWS SCOPE UPDATE")

_NEAR = _words("WEEK MONTH QUARTER YEAR FISCAL_QUARTER FISCAL_YEAR")
_FAR = _words("DAYS WEEKS MONTHS QUARTERS YEARS FISCAL_QUARTERS FISCAL_YEARS")
DATE_LITERALS = _words("YESTERDAY TODAY TOMORROW LAST_90_DAYS NEXT_90_DAYS") | {
    f"{which}_{period}" for which in ("LAST", "THIS", "NEXT") for period in _NEAR
}
COUNTED_DATE_LITERALS = frozenset(
    template.format(period) for template in ("LAST_N_{}", "NEXT_N_{}", "N_{}_AGO") for period in _FAR
)
"""Both from "Date Formats and Date Literals in WHERE" of the vendor's SOQL reference."""

AGGREGATES = _words("AVG COUNT COUNT_DISTINCT GROUPING MAX MIN SUM")
FUNCTIONS = {
    name.upper(): name
    for name in sorted(
        AGGREGATES
        | _words(
            "CALENDAR_MONTH CALENDAR_QUARTER CALENDAR_YEAR DAY_IN_MONTH DAY_IN_WEEK DAY_IN_YEAR DAY_ONLY FISCAL_MONTH",
            "FISCAL_QUARTER FISCAL_YEAR HOUR_IN_DAY WEEK_IN_MONTH WEEK_IN_YEAR",
            "DISTANCE FORMAT GEOLOCATION convertCurrency convertTimezone toLabel",
        )
    )
}
"""Every function the vendor documents, upper case to its own spelling."""


class SoqlError(ValueError):
    """Say what in a query is refused, where, and what to write instead.

    `position` counts characters from 0; it is None where a query was built from values and not from text.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message, position)
        self.message = message
        self.position = position

    def __str__(self) -> str:
        return self.message if self.position is None else f"At character {self.position + 1}: {self.message}"


def check_name(name: str) -> str:
    """Return a plain name: ASCII letters, digits and underscores, at most 80 characters, a letter first."""
    if len(name) > MAX_NAME:
        raise SoqlError(f"A name has at most {MAX_NAME} characters; use the API name that describe lists.")
    if not _NAME.fullmatch(name):
        raise SoqlError(f"{name!a} is not an API name; use letters, digits and underscores, a letter first.")
    return name


def check_first_name(name: str) -> str:
    """Return a name that may stand where a field or an object begins."""
    if check_name(name).upper() in RESERVED:
        raise SoqlError(f"{name} is a SOQL keyword, not a name; use the API name that describe lists.")
    return name


def check_alias(name: str) -> str:
    """Return a name that may stand as an alias."""
    if check_name(name).upper() in NO_ALIAS:
        raise SoqlError(f"{name} is a SOQL keyword and cannot be an alias; choose another one.")
    return name


def check_encodable(text: str, offset: int = 0) -> str:
    """Return text that UTF-8 can carry; a lone surrogate is refused, since a server may read it as anything."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        position = offset + error.start
        raise SoqlError("A lone surrogate is not a character; send well-formed Unicode.", position) from None
    return text
