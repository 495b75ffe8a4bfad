"""Does the engine agree with a second, naive reading of the same conditions?

The conditions are made as trees of plain tuples. One function writes a tree as SOQL, another judges it on a row; neither
knows of the engine's parser, its filters or its sorting.
"""

import re
from datetime import date, datetime, timedelta
from fnmatch import translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

TEXTS = ("LastName", "Title", "MailingCountryCode", "Hobby__c", "Account.Industry", "Account.Owner.Name")
NUMBERS = ("Account.NumberOfEmployees", "Account.AnnualRevenue")
WORDS = st.sampled_from(
    [
        "",
        "a",
        "DE",
        "de",
        "Buyer",
        "buyer",
        "Fr_nz",
        "100%",
        "it's",
        'a"b',
        "back\\slash",
        "Öl",
        "öl",
        "ss",
        "tab\t",
        "é",
    ]
)
SIGNS = st.sampled_from(["=", "!=", "<>", "<", "<=", ">", ">="])
DAYS = st.dates(date(1935, 1, 1), date(2008, 12, 31))
PERIODS = st.sampled_from(
    [
        ("TODAY", 0, 0),
        ("YESTERDAY", -1, -1),
        ("LAST_N_DAYS:90", -90, 0),
        ("N_DAYS_AGO:30", -30, -30),
        ("NEXT_90_DAYS", 1, 90),
    ]
)


def leaves():
    text = st.tuples(st.just("text"), st.sampled_from(TEXTS), SIGNS, st.none() | WORDS)
    listed = st.tuples(
        st.just("listed"),
        st.sampled_from(TEXTS),
        st.sampled_from(["IN", "NOT IN"]),
        st.lists(st.none() | WORDS, min_size=1, max_size=4),
    )
    pieces = st.lists(st.sampled_from(["%", "_", "a", "e", "N", "ö", "\\%", "\\_", "u", " "]), max_size=5)
    like = st.tuples(st.just("like"), st.sampled_from(TEXTS), st.just("LIKE"), pieces)
    number = st.tuples(st.just("number"), st.sampled_from(NUMBERS), SIGNS, st.none() | st.integers(-5, 5000))
    truth = st.tuples(st.just("truth"), st.just("HasOptedOutOfEmail"), st.sampled_from(["=", "!="]), st.booleans())
    day = st.tuples(st.just("day"), st.just("Birthdate"), SIGNS, st.none() | DAYS)
    year = st.tuples(st.just("year"), st.just("Birthdate"), SIGNS, st.integers(1935, 2008))
    period = st.tuples(st.just("period"), st.just("CreatedDate"), SIGNS, PERIODS)
    choices = st.tuples(
        st.just("choices"),
        st.just("Interests__c"),
        st.sampled_from(["INCLUDES", "EXCLUDES"]),
        st.lists(
            st.lists(st.sampled_from(["Events", "Training", "research", "None"]), min_size=1, max_size=2),
            min_size=1,
            max_size=2,
        ),
    )
    return text | listed | like | number | truth | day | year | period | choices


def joined(terms):
    several = st.lists(terms, min_size=2, max_size=4)
    return st.tuples(st.sampled_from(["AND", "OR"]), several) | st.tuples(st.just("NOT"), terms)


TREES = st.recursive(leaves(), joined, max_leaves=8)


def quoted(text: str) -> str:
    for char, escape in (("\\", "\\\\"), ("'", "\\'"), ("\t", "\\t"), ('"', '\\"')):
        text = text.replace(char, escape)
    return f"'{text}'"


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    return quoted(value) if isinstance(value, str) else str(value)


def written(tree) -> str:
    kind = tree[0]
    if kind in ("AND", "OR"):
        return f" {kind} ".join(f"({written(term)})" if term[0] in ("AND", "OR") else written(term) for term in tree[1])
    if kind == "NOT":
        return f"NOT ({written(tree[1])})"
    _, field, sign, value = tree
    if kind == "listed":
        return f"{field} {sign} ({', '.join(literal(each) for each in value)})"
    if kind == "like":
        return f"{field} LIKE '{''.join(value)}'"
    if kind == "choices":
        return f"{field} {sign} ({', '.join(quoted(';'.join(each)) for each in value)})"
    if kind == "year":
        return f"CALENDAR_YEAR({field}) {sign} {value}"
    return f"{field} {sign} {value[0] if kind == 'period' else literal(value)}"


class Naive:
    """Judge a tree on a row, as slowly as need be."""

    def __init__(self, org) -> None:
        self.parents = {row["Id"]: row for name in ("Account", "User") for row in org.rows(name)}
        self.today = org.clock.now().date()

    def value(self, row, path: str):
        *steps, name = path.split(".")
        for step in steps:
            row = self.parents.get(row[f"{step}Id"]) if row else None
        return row[name] if row else None

    def holds(self, row, tree) -> bool:
        if tree[0] == "NOT":
            return not self.holds(row, tree[1])
        if tree[0] in ("AND", "OR"):
            verdicts = {self.holds(row, term) for term in tree[1]}
            return True in verdicts if tree[0] == "OR" else False not in verdicts
        kind, path, sign, wanted = tree
        return getattr(self, kind)(self.value(row, path), sign, wanted)

    def text(self, value, sign, wanted) -> bool:
        return compared(value.casefold() if value else None, sign, wanted.casefold() if wanted else None)

    def listed(self, value, sign, wanted) -> bool:
        return any(self.text(value, "=", each) for each in wanted) == (sign == "IN")

    def like(self, value, _sign, pieces) -> bool:
        globs = {"%": "*", "_": "?", "\\%": "%", "\\_": "_"}
        glob = "".join(globs.get(piece, piece) for piece in pieces)
        return value is not None and re.match(translate(glob), value, re.IGNORECASE) is not None

    def number(self, value, sign, wanted) -> bool:
        return compared(value, sign, wanted)

    def truth(self, value, sign, wanted) -> bool:
        return (value is wanted) == (sign == "=")

    def day(self, value, sign, wanted) -> bool:
        return compared(value and date.fromisoformat(value).toordinal(), sign, wanted and wanted.toordinal())

    def year(self, value, sign, wanted) -> bool:
        return compared(value and date.fromisoformat(value).year, sign, wanted)

    def period(self, value, sign, wanted) -> bool:
        away = (datetime.fromisoformat(value[:19]).date() - self.today) / timedelta(days=1)
        _, first, last = wanted
        place = -1 if away < first else 1 if away > last else 0
        return compared(place, sign, 0)

    def choices(self, value, sign, wanted) -> bool:
        chosen = {each.lower() for each in (value or "").split(";") if each}
        return any(all(each.lower() in chosen for each in group) for group in wanted) == (sign == "INCLUDES")


def compared(value, sign: str, wanted) -> bool:
    """Hold a value against another: null equals null, differs from all else, and is neither less nor more."""
    if sign in ("=", "!=", "<>"):
        return (value == wanted) == (sign == "=")
    if value is None or wanted is None:
        return False
    return {"<": value < wanted, "<=": value <= wanted, ">": value > wanted, ">=": value >= wanted}[sign]


@pytest.fixture(scope="module")
def odd(tiny):
    """A few people with odd names, without accounts and with empty fields."""
    org = tiny.org
    owner = org.rows("User")[0]["Id"]
    accounts = [row["Id"] for row in org.rows("Account")]
    for place, name in enumerate(
        ["it's", "100%", "Fr_nz", "back\\slash", "Öl", "ÖL", "a", "A", 'a"b', "tab\t", "Strasse", "Franz", "100x"]
    ):
        values = {"LastName": name, "Title": name if place % 2 else None, "Hobby__c": name, "OwnerId": owner}
        account = accounts[place % len(accounts)] if place % 3 else None
        org.store.insert("Contact", {**values, "AccountId": account, "HasOptedOutOfEmail": place % 2 == 0}, "")
    return tiny


def test_escaped_wildcards_stand_for_themselves(odd) -> None:
    assert odd.column(r"SELECT LastName FROM Contact WHERE LastName LIKE 'Fr\_nz'") == ["Fr_nz"]
    assert odd.column("SELECT LastName FROM Contact WHERE LastName LIKE 'Fr_nz'") == ["Fr_nz", "Franz"]
    assert odd.column(r"SELECT LastName FROM Contact WHERE LastName LIKE '100\%'") == ["100%"]


def test_an_empty_text_finds_empty_keys(odd) -> None:
    wanted = [row["Id"] for row in odd.org.rows("Contact") if row["Email"] is None]
    assert wanted
    assert odd.column("SELECT Id FROM Contact WHERE Email = ''") == wanted
    assert odd.column("SELECT Id FROM Contact WHERE Email IN ('', 'nobody@example.com')") == wanted


@given(tree=TREES)
def test_conditions_mean_what_a_naive_reader_takes_them_for(odd, tree) -> None:
    naive = Naive(odd.org)
    wanted = [row["Id"] for row in odd.org.rows("Contact") if naive.holds(row, tree)]
    assert odd.column(f"SELECT Id FROM Contact WHERE {written(tree)}") == wanted


@given(
    tree=leaves(),
    field=st.sampled_from(["LastName", "Title", "Birthdate", "Account.Name", "Account.NumberOfEmployees"]),
    descending=st.booleans(),
    last=st.booleans(),
    limit=st.none() | st.integers(0, 20),
    offset=st.integers(0, 20),
)
def test_windows_are_cut_from_the_sorted_rows(odd, tree, field, descending, last, limit, offset) -> None:
    naive = Naive(odd.org)
    rows = [row for row in odd.org.rows("Contact") if naive.holds(row, tree)]
    values = {row["Id"]: naive.value(row, field) for row in rows}
    text = f"SELECT Id FROM Contact WHERE {written(tree)} ORDER BY {field} {'DESC' if descending else 'ASC'}"
    text += f" NULLS {'LAST' if last else 'FIRST'}, Id" + ("" if limit is None else f" LIMIT {limit}")
    found = odd.column(f"{text} OFFSET {offset}")

    def folded(key):
        return values[key].casefold() if isinstance(values[key], str) else values[key]

    empty = sorted(key for key in values if values[key] is None)
    filled = sorted(key for key in values if values[key] is not None)
    filled = sorted(filled, key=folded, reverse=descending)
    ordered = filled + empty if last else empty + filled
    assert found == ordered[offset : None if limit is None else offset + limit]


@given(tree=leaves(), field=st.sampled_from(["Title", "MailingCountryCode", "Account.Industry"]))
def test_groups_are_counted_as_by_hand(odd, tree, field) -> None:
    naive = Naive(odd.org)
    counts: dict[object, int] = {}
    for row in odd.org.rows("Contact"):
        if naive.holds(row, tree):
            counts[naive.value(row, field)] = counts.get(naive.value(row, field), 0) + 1
    name = field.split(".")[-1]
    found = odd.records(f"SELECT {field}, COUNT(Id) n FROM Contact WHERE {written(tree)} GROUP BY {field}")
    assert {record[name]: record["n"] for record in found} == counts
