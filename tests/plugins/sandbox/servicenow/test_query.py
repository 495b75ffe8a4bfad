from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.plugins.sandbox import Clock
from isthmus.plugins.sandbox.servicenow.glide import Condition, Finder, parse
from isthmus.plugins.sandbox.servicenow.glide.syntax import OPERATORS, condition
from isthmus.plugins.sandbox.servicenow.schema import load_schema
from isthmus.plugins.sandbox.servicenow.store import Store
from isthmus.plugins.sandbox.servicenow.viewer import Viewer

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
VIEWER = Viewer("u1", "alice", frozenset({"itil"}), ("g1",), ZoneInfo("UTC"), "%Y-%m-%d %H:%M:%S")


@pytest.fixture(scope="module")
def store() -> Store:
    """Six incidents with known values, their callers and a group."""
    store = Store(load_schema(), Clock(NOW), "query test")
    for key, name, country in (("u1", "Ann Alder", "DE"), ("u2", "Ben Birch", "US"), ("u3", "Cas Cedar", "")):
        first, last = name.split()
        user = {"sys_id": key, "user_name": first.lower(), "first_name": first, "last_name": last, "name": name}
        store.insert("sys_user", {**user, "country": country}, "test")
    store.insert("sys_user_group", {"sys_id": "g1", "name": "Desk", "manager": "u1"}, "test")
    store.insert("sys_user_group", {"sys_id": "g2", "name": "Night", "manager": "u1"}, "test")
    store.insert("sys_filter_option_dynamic", {"sys_id": "me", "script": "gs.getUserID()"}, "test")
    rows = (
        ("i1", "Mail is slow", "1", "u1", "2026-11-20 08:30:00", "true", "Solved"),
        ("i2", "mail is gone", "2", "u2", "2026-11-19 23:00:00", "true", ""),
        ("i3", "VPN drops", "3", "u3", "2026-11-10 12:00:00", "false", ""),
        ("i4", "", "10", "", "2026-10-05 12:00:00", "true", "VPN drops"),
        ("i5", "Printer", "2", "u1", "2025-11-20 09:00:00", "true", ""),
        ("i6", "100% CPU", "", "u2", "", "false", ""),
    )
    for key, subject, state, caller, opened, active, notes in rows:
        values = {"sys_id": key, "short_description": subject, "state": state, "caller_id": caller}
        store.insert("incident", {**values, "opened_at": opened, "active": active, "close_notes": notes}, "test")
    return store


def ids(store: Store, query: str, *, strict: bool = False, table: str = "incident") -> str:
    compiled = Finder(store, VIEWER, NOW, strict=strict).compile(store.schema[table], query)
    return " ".join(row["sys_id"] for row in compiled.run(store.scan(store.schema[table])))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "i1 i2 i3 i4 i5 i6"),
        ("state=2", "i2 i5"),
        ("state!=2", "i1 i3 i4 i6"),
        ("state>2", "i3 i4"),
        ("state>=2^state<=3", "i2 i3 i5"),
        ("state<2", "i1"),
        ("stateBETWEEN2@3", "i2 i3 i5"),
        ("stateIN1,10", "i1 i4"),
        ("stateNOT IN1,2,10", "i3 i6"),
        ("active=1", "i1 i2 i4 i5"),
        ("short_description=MAIL IS SLOW", "i1"),
        ("short_descriptionLIKEmail", "i1 i2"),
        ("short_description*mail", "i1 i2"),
        ("short_descriptionCONTAINSmail", "i1 i2"),
        ("short_descriptionNOT LIKEmail", "i3 i4 i5 i6"),
        ("short_descriptionNOTLIKEmail", "i3 i4 i5 i6"),
        ("short_description!*mail", "i3 i4 i5 i6"),
        ("short_descriptionDOES NOT CONTAINmail", "i3 i4 i5 i6"),
        ("short_descriptionSTARTSWITHmail", "i1 i2"),
        ("short_descriptionENDSWITHDROPS", "i3"),
        ("short_description%drops", "i3"),
        ("short_descriptionLIKEvpn%", "i3"),
        ("short_descriptionISEMPTY", "i4"),
        ("short_descriptionEMPTYSTRING", "i4"),
        ("short_description=", "i4"),
        ("caller_idISNOTEMPTY", "i1 i2 i3 i5 i6"),
        ("stateANYTHING", "i1 i2 i3 i4 i5 i6"),
        ("caller_id=u1", "i1 i5"),
        ("caller_id.country=DE", "i1 i5"),
        ("caller_id.nameLIKEbirch", "i2 i6"),
        ("caller_idLIKEbirch", "i2 i6"),
        ("caller_idDYNAMICme", "i1 i5"),
        ("caller_id=javascript:gs.getUserID()", "i1 i5"),
        ("caller_id=JavaScript:gs.getUserID();", "i1 i5"),
        ("short_descriptionSAMEASclose_notes", ""),
        ("short_descriptionNSAMEASclose_notes", "i1 i2 i3 i4 i5 i6"),
        ("sys_created_onGT_FIELDopened_at", "i1 i2 i3 i4 i5"),
        ("sys_created_onLT_OR_EQUALS_FIELDopened_at", ""),
        ("sys_class_nameINSTANCEOFtask", "i1 i2 i3 i4 i5 i6"),
        ("sys_class_nameINSTANCEOFproblem", ""),
        ("123TEXTQUERY321=mail slow", "i1"),
        ("123TEXTINDEXGROUP321=vpn", "i3 i4"),
        ("opened_at>javascript:gs.beginningOfToday()", "i1"),
        ("opened_at>=javascript:gs.daysAgoStart(1)", "i1 i2"),
        ("opened_at>javascript:gs.dateGenerate('2026-11-01','00:00:00')", "i1 i2 i3"),
        ("opened_atONToday@javascript:gs.beginningOfToday()@javascript:gs.endOfToday()", "i1"),
        ("opened_atONYesterday", "i2"),
        ("opened_atON2026-11-10", "i3"),
        ("opened_atNOTON2026-11-10", "i1 i2 i4 i5 i6"),
        ("opened_atONLast 30 days@javascript:gs.beginningOfLast30Days()@javascript:gs.endOfLast30Days()", "i1 i2 i3"),
        ("opened_atONThis month", "i1 i2 i3"),
        ("opened_atONLast month", "i4"),
        ("opened_atRELATIVEGT@hour@ago@1", "i1"),
        ("opened_atRELATIVEGE@dayofweek@ago@10", "i1 i2 i3"),
        ("opened_atRELATIVELT@month@ago@1", "i4 i5"),
        ("opened_atRELATIVEEE@dayofweek@ago@1", "i2"),
        ("opened_atRELATIVELE@year@ago@1", "i5"),
        ("opened_atDATEPARTOctober@javascript:gs.datePart('month','October','EE')", "i4"),
        ("opened_atDATEPARTMonday@javascript:gs.datePart('dayofweek','monday','EE')", "i4"),
        ("opened_atMORETHANsys_created_on@dayofweek@before@30", "i4 i5"),
        ("opened_atLESSTHANsys_created_on@hour@before@1", "i1"),
        ("state=1^ORstate=3", "i1 i3"),
        ("active=true^state=1^ORstate=3", "i1"),
        ("state=1^ORstate=3^active=false", "i3"),
        ("state=1^NQstate=3", "i1 i3"),
        ("state=1^active=false^NQstate=10^active=true", "i4"),
        ("state=2^EQ", "i2 i5"),
        ("active=true^ORDERBYDESCstate", "i4 i2 i5 i1"),
        ("active=true^ORDERBYstate^ORDERBYDESCshort_description", "i1 i5 i2 i4"),
        ("ORDERBYcaller_id^ORDERBYsys_id", "i4 i1 i5 i2 i6 i3"),
        ("caller_idSUBQUERYsys_id,sys_user,country=DE^ENDSUBQUERY", "i1 i5"),
        ("caller_idSUBQUERYsys_id,sys_user,country=DE^ENDSUBQUERY^state=2", "i5"),
        ("sys_id>i4^ORDERBYsys_id", "i5 i6"),
    ],
)
def test_what_a_query_finds(store: Store, query: str, found: str) -> None:
    assert ids(store, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("JOINsys_user.sys_id=sys_user_group.manager!active=true", "u1"),
        ("JOINsys_user.sys_id=sys_user_group.manager!", "u1"),
        ("JOINsys_user.sys_id=sys_user_group.manager!name=Nobody", ""),
        ("JOINsys_user.sys_id=sys_user_group.manager", "u1 u2 u3"),
        ("RLQUERYincident.caller_id,>=2^ENDRLQUERY", "u1 u2"),
        ("RLQUERYincident.caller_id,=1,m2m^active=false^ENDRLQUERY", "u2 u3"),
        ("RLQUERYincident.caller_id,=0^active=true^ENDRLQUERY^country=", "u3"),
        ("RLQUERYincident.caller_id,>0^state=3^ENDRLQUERY^ORcountry=US", "u2 u3"),
    ],
)
def test_what_a_query_over_two_tables_finds(store: Store, query: str, found: str) -> None:
    assert ids(store, query, table="sys_user") == found


@pytest.mark.parametrize(
    "part",
    [
        "typo=1", "stateLOOKSLIKE1", "caller_id.typo=1", "state.name=1", "AAAA=BBBB", "garbage", "typo=1^ORother=2",
        "opened_at>javascript:gs.formatTheDisk()", "opened_atRELATIVEGT@fortnight@ago@1", "stateBETWEEN1",
        "caller_idDYNAMICnobody", "sys_class_nameINSTANCEOFnothing", "stateVALCHANGES", "stateCHANGESTO2",
        "JOINsys_user.sys_id=sys_user_group.manager!active=true", "RLQUERYnothing.x,>0^ENDRLQUERY", "ORDERBYtypo",
        "short_descriptionSAMEAStypo", "opened_atONSomeday",
    ],
)  # fmt: skip
def test_what_makes_no_sense_widens_the_answer_or_empties_it(store: Store, part: str) -> None:
    assert ids(store, f"state=2^{part}") == "i2 i5"
    assert ids(store, part) == "i1 i2 i3 i4 i5 i6"
    assert ids(store, f"state=2^{part}", strict=True) == ""


def test_an_ignored_condition_does_not_lend_its_alternative_to_its_neighbour(store: Store) -> None:
    assert ids(store, "state=2^typo=1^ORstate=3") == ""
    assert ids(store, "state=2^garbage^ORstate=3") == ""
    assert ids(store, "typo=1^ORstate=3") == "i3"


def test_changes_are_judged_against_the_former_state(store: Store) -> None:
    table, row = store.schema["incident"], store.get("incident", "i1")
    assert row is not None
    finder = Finder(store, VIEWER, NOW, before=row)
    changed = {**row, "state": "6"}
    for query, holds in (
        ("stateVALCHANGES", True),
        ("stateCHANGESTO6", True),
        ("stateCHANGESFROM1", True),
        ("stateCHANGESFROM2", False),
        ("urgencyVALCHANGES", False),
    ):
        assert finder.compile(table, query).test(changed) is holds


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}(\.[a-z][a-z0-9_]{0,8})?", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="^", codec="utf-8"), max_size=12).map("v{}".format)


@given(st.lists(st.tuples(NAMES, st.sampled_from(OPERATORS), VALUES), min_size=1, max_size=5))
def test_conditions_come_back_as_they_were_written(parts: list[tuple[str, str, str]]) -> None:
    text = "^".join("".join(part) for part in parts)
    read = [term for group in parse(text).groups for each in group for term in each]
    assert read == [Condition(*part) for part in parts]


@given(st.text(max_size=80))
def test_no_text_breaks_the_parser(store: Store, text: str) -> None:
    ids(store, text)
    condition(text)
