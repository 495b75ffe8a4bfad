"""A request matches what was recorded, with stand-ins where its own values stand, and nothing else."""

import pytest

from isthmus.core.cassettes.matching import Aliases, Line, line_of, matches

STOOD = ("xuva.keti@mol.example", "Keti", "Zupa")


def kept(target: str, body: str | None = None, method: str = "GET") -> Line:
    line = line_of("crm", method, target, body)
    return Line(line.connection, line.method, line.path, line.query, line.body, stood=STOOD)


def asked(target: str, body: str | None = None, method: str = "GET") -> Line:
    return line_of("crm", method, target, body)


@pytest.fixture
def aliases() -> Aliases:
    return Aliases.of([*STOOD, 4711])


def test_values_of_the_call_match_stand_ins_where_they_stand(aliases: Aliases) -> None:
    where = "/query?q=FROM%20Contact%20WHERE%20Email%20%3D%20%27{}%27"
    recorded = kept(where.format("xuva.keti%40mol.example"))
    assert matches(asked(where.format("anna%40kunde.de")), recorded, aliases) is not None
    assert matches(asked(where.format("anna%40kunde.de").replace("Contact", "Lead")), recorded, aliases) is None


def test_a_value_stands_for_one_stand_in_only_and_each_for_one_value(aliases: Aliases) -> None:
    new = matches(asked("/a?n=Anna"), kept("/a?n=Keti"), aliases)
    assert new
    aliases.learn(new)
    assert matches(asked("/b?n=Anna"), kept("/b?n=Keti"), aliases) is not None
    assert matches(asked("/b?n=Berta"), kept("/b?n=Keti"), aliases) is None
    assert matches(asked("/b?n=Anna"), kept("/b?n=Zupa"), aliases) is None


def test_a_stand_in_never_stands_for_another(aliases: Aliases) -> None:
    assert matches(asked("/a?n=Zupa"), kept("/a?n=Keti"), aliases) is None


def test_bodies_are_compared_as_json_with_their_types(aliases: Aliases) -> None:
    recorded = kept("/a", '{"LastName":"Keti","Size":4711,"State":"New"}', "POST")
    assert matches(asked("/a", '{"State":"New","LastName":"Falk","Size":12}', "POST"), recorded, aliases) is not None
    for other in ('{"State":"Old","LastName":"Falk","Size":12}', '{"State":"New","LastName":7,"Size":12}', "{}"):
        assert matches(asked("/a", other, "POST"), recorded, aliases) is None
