"""Is every spelling of a country either right or unknown?"""

import re
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.residency import UNKNOWN_COUNTRY, normalise_country

ROWS = [
    line.split("\t")
    for line in files("isthmus.residency").joinpath("countries.tsv").read_text(encoding="utf-8").splitlines()[1:]
]


def test_the_table_holds_all_of_iso_3166_1():
    assert len({row[0] for row in ROWS}) == len({row[1] for row in ROWS}) == len({row[2] for row in ROWS}) == 249
    for alpha2, alpha3, numeric, names in ROWS:
        assert re.fullmatch("[A-Z]{2}", alpha2)
        assert re.fullmatch("[A-Z]{3}", alpha3)
        assert re.fullmatch("[0-9]{3}", numeric)
        assert all(names.split("|"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_code_and_name_gives_its_country(row):
    for spelling in (*row[:3], *row[3].split("|")):
        for variant in (spelling, spelling.lower(), spelling.upper(), f"  {spelling} "):
            assert normalise_country(variant) == row[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Germany", "DE"), ("Deutschland", "DE"), ("Allemagne", "DE"), ("Bundesrepublik Deutschland", "DE"),
        ("Österreich", "AT"), ("Osterreich", "AT"), ("OESTERREICH", "AT"), ("Suisse", "CH"), ("Svizzera", "CH"),
        ("Ελλάδα", "GR"), ("ΕΛΛΑΔΑ", "GR"), ("България", "BG"), ("Česko", "CZ"), ("Czech Republic", "CZ"),
        ("Éire", "IE"), ("Sverige", "SE"), ("Suomi", "FI"), ("Norge", "NO"), ("Ísland", "IS"), ("Magyarország", "HU"),
        ("Polska", "PL"), ("España", "ES"), ("espana", "ES"), ("Italia", "IT"), ("Nederland", "NL"), ("België", "BE"),
        ("Hrvatska", "HR"), ("România", "RO"), ("Slovensko", "SK"), ("Slovenija", "SI"), ("Lietuva", "LT"),
        ("Latvija", "LV"), ("Eesti", "EE"), ("Κύπρος", "CY"), ("Danmark", "DK"), ("Luxemburg", "LU"), ("Portugal", "PT"),
        ("UK", "GB"), ("U.K.", "GB"), ("Great Britain", "GB"), ("England", "GB"), ("Vereinigtes Königreich", "GB"),
        ("USA", "US"), ("U.S.A.", "US"), ("United States of America", "US"), ("États-Unis", "US"), ("840", "US"),
        ("日本", "JP"), ("中国", "CN"), ("भारत", "IN"), ("대한민국", "KR"), ("Россия", "RU"), ("Türkiye", "TR"), ("Turkey", "TR"),
        ("Brasil", "BR"), ("México", "MX"), ("Côte d’Ivoire", "CI"), ("Cote d'Ivoire", "CI"), ("Guinea-Bissau", "GW"),
    ],
)  # fmt: skip
def test_names_as_people_write_them(text, code):
    assert normalise_country(text) == code


@pytest.mark.parametrize(
    "text", ["", " ", "??", "Narnia", "D", "D E", "EU", "XX", "ZZ", "XK", "AN", "76", "0276", ".", "Kongo", "Germ"]
)
def test_anything_else_is_unknown(text):
    assert normalise_country(text) == UNKNOWN_COUNTRY


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_a_country_or_the_unknown_one(text):
    assert normalise_country(text) in {UNKNOWN_COUNTRY, *(row[0] for row in ROWS)}


def test_a_flood_of_text_is_not_kept():
    assert normalise_country("Germany" + " " * 1000) == UNKNOWN_COUNTRY
