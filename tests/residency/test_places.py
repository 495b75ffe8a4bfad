"""Are the shipped facts complete, dated and replaceable?"""

from datetime import date

import pytest

from isthmus.residency import FlowPolicyError, Places, hint_for_host

STATES = frozenset(
    {
        "AT",
        "BE",
        "BG",
        "HR",
        "CY",
        "CZ",
        "DK",
        "EE",
        "FI",
        "FR",
        "DE",
        "GR",
        "HU",
        "IE",
        "IT",
        "LV",
        "LT",
        "LU",
        "MT",
        "NL",
    }
    | {"PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO"}
)
PARTS = frozenset({"AX", "GF", "GP", "MF", "MQ", "RE", "YT"})
ADEQUATE = {"AD", "AR", "BR", "CA", "FO", "GG", "IL", "IM", "JP", "JE", "NZ", "KR", "CH", "GB", "US", "UY"}


def test_the_eea_has_thirty_states_and_their_parts(today):
    assert len(STATES) == 30
    assert Places.shipped().members("EEA", today) == STATES | PARTS


def test_membership_is_dated():
    members = Places.shipped().members
    assert "GB" in members("EEA", date(2020, 12, 31))
    assert "GB" not in members("EEA", date(2021, 1, 1))
    assert "HR" not in members("EEA", date(2013, 6, 30))
    assert members("Atlantis", date(2026, 1, 1)) == frozenset()


def test_adequacy_rows_are_those_of_the_commission_and_the_us_needs_dpf():
    rows = Places.shipped().adequacy
    assert set(rows) == ADEQUATE
    assert {country for country, row in rows.items() if row.condition} == {"US"}
    assert rows["US"].condition == "dpf"
    assert rows["GB"].until == date(2031, 12, 27)
    assert "commercial" in rows["CA"].scope
    assert all(row.source and row.since for row in rows.values())


@pytest.mark.parametrize(
    ("host", "countries"),
    [
        ("app.cfapps.eu10.hana.ondemand.com", {"DE"}),
        ("app.cfapps.eu10-004.hana.ondemand.com", {"DE"}),
        ("api.cf.us21-001.hana.ondemand.com", {"US"}),
        ("api.cf.eu20.hana.ondemand.com", {"NL"}),
        ("x.cfapps.ch20.hana.ondemand.com", {"CH"}),
        ("X.CFAPPS.UK20.HANA.ONDEMAND.COM.", {"GB"}),
        ("x.cfapps.ap11.hana.ondemand.com:443", {"SG"}),
        ("x.cfapps.eu99.hana.ondemand.com", None),
        ("x.cfapps.eu10.hana.ondemand.com.evil.example", None),
        ("tenant.platform.sapcloud.cn", {"CN"}),
        ("api012.successfactors.eu", {"DE"}),
        ("api2.successfactors.eu", {"NL"}),
        ("api99.successfactors.eu", {"DE", "NL"}),
        ("api10.successfactors.com", {"AU"}),
        ("api4.successfactors.com", None),
        ("api15.sapsf.cn", {"CN"}),
        ("uk.agent.workday.com", {"GB"}),
        ("wd2-impl-services1.workday.com", None),
        ("s3.eusc-de-east-1.amazonaws.eu", {"DE"}),
        ("acme.my.salesforce.com", None),
        ("acme.service-now.com", None),
        ("", None),
    ],
)
def test_a_host_hints_at_countries_or_says_nothing(host, countries):
    assert hint_for_host(host) == (None if countries is None else frozenset(countries))


def test_eu_access_is_a_matter_of_the_region_not_of_the_city():
    regions = Places.shipped().regions["sap-btp"]
    assert (regions["eu10"].country, regions["eu10"].eu_access) == ("DE", False)
    assert (regions["eu11"].country, regions["eu11"].eu_access) == ("DE", True)


def test_an_overlay_replaces_rows_by_name_and_keeps_the_rest():
    overlay = Places.overlaid('as_of = 2026-11-01\n[hosts.ours]\npattern = "acme"\ncountries = ["FR"]\n')
    assert overlay.hint_for_host("acme.service-now.com") == {"FR"}
    assert overlay.as_of == date(2026, 11, 1)
    assert overlay.adequacy == Places.shipped().adequacy


@pytest.mark.parametrize(
    ("overlay", "sentence"),
    [
        ("[adequacies.CH]\n", r"top level: unknown key 'adequacies'; did you mean 'adequacy'"),
        ('[adequacy.CH]\nsource = "x"\n', r"adequacy.CH: key 'as_of' is missing"),
        ("[adequacy.CH]\nuntill = 2026-01-01\n", r"unknown key 'untill'; did you mean 'until'"),
        ('[adequacy.Narnia]\nsource = "x"\nas_of = 2026-01-01\n', r"unknown country 'Narnia'"),
        ('[hosts.x]\npattern = "("\ncountries = ["DE"]\n', r"hosts.x: pattern = '\('; expected a regular expression"),
        ('[hosts.x]\npattern = "a"\n', r"either `countries`, or `regions`"),
        ('[hosts.x]\npattern = "a"\nregions = "sap-btp"\n', r"a group named `code`"),
        ('[hosts.x]\npattern = "a"\nregions = "sap-bpt"\n', r"unknown regions 'sap-bpt'; did you mean 'sap-btp'"),
        ('[regions.x]\neu_access = ["q1"]\ncodes = { DE = ["q2"] }\n', r"unknown region 'q1' in eu_access"),
        ('[jurisdictions.EEA]\nmembers = [{ countries = "DE", since = "1994" }]\n', r"members\[0\]: since = '1994'"),
    ],
)
def test_a_wrong_overlay_is_refused(overlay, sentence):
    with pytest.raises(FlowPolicyError, match=sentence):
        Places.overlaid(overlay)


def test_the_digest_moves_with_every_fact():
    shipped = Places.shipped()
    assert Places.overlaid("").digest == shipped.digest
    assert Places.overlaid("as_of = 2026-11-01").digest != shipped.digest
    assert Places.overlaid('[hosts.ours]\npattern = "acme"\ncountries = ["FR"]\n').digest != shipped.digest


def test_facts_without_a_date_are_refused():
    with pytest.raises(FlowPolicyError, match="as_of"):
        Places.load("")
