"""Does anything that a client may send break an instance? It may refuse, not fall over."""

import base64
import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.plugins.sandbox import Clock, ServiceNowInstance
from isthmus.plugins.sandbox.message import Request
from isthmus.plugins.sandbox.people import build
from isthmus.plugins.sandbox.servicenow.glide.syntax import OPERATORS
from isthmus.plugins.sandbox.servicenow.schema import load_schema

TABLES = (
    "incident",
    "problem",
    "change_request",
    "sys_user",
    "task",
    "cmdb_ci_linux_server",
    "sys_script",
    "sys_attachment",
)
COLUMNS = sorted({name for table in TABLES for name in load_schema()[table].columns})
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "-1",
            "1e400",
            "nan",
            "9" * 5_000,
            "0001-01-01",
            "2026-99-99 00:00:00",
            "javascript:gs.daysAgo(999999)",
            "@",
            "true",
        ]
    ),
)
FIELDS = st.one_of(
    st.sampled_from(COLUMNS), st.sampled_from(["caller_id.name", "a.b.c", "parent.parent.parent.number"])
)
CONDITIONS = st.tuples(FIELDS, st.sampled_from(OPERATORS), TEXTS).map("".join)
WHOLES = st.sampled_from(
    [
        "RLQUERYincident.caller_id,>0^" * 2_000,
        "JOINsys_user.sys_id=incident.caller_id!" * 1_000,
        "caller_idSUBQUERYsys_id,sys_user," * 1_000,
        "opened_atRELATIVEGT@year@ago@999999",
        "opened_atONLast999999Months",
    ]
)
QUERIES = st.one_of(st.lists(st.one_of(CONDITIONS, TEXTS), max_size=4).map("^".join), WHOLES)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "sysparm_query": QUERIES,
        "sysparm_limit": TEXTS,
        "sysparm_offset": TEXTS,
        "sysparm_fields": st.lists(FIELDS, max_size=3).map(",".join),
        "sysparm_display_value": st.sampled_from(["true", "all", "x"]),
        "sysparm_input_display_value": st.sampled_from(["true", "false"]),
        "sysparm_group_by": FIELDS,
        "sysparm_sum_fields": FIELDS,
        "sysparm_min_fields": FIELDS,
        "sysparm_having": TEXTS,
        "state": TEXTS,
        "table_name": st.sampled_from(TABLES),
        "file_name": TEXTS,
    },
)
JSON = st.recursive(
    st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(FIELDS, inner, max_size=3)),
    max_leaves=6,
)
BODIES = st.one_of(
    st.dictionaries(st.sampled_from(COLUMNS), JSON, max_size=5).map(lambda body: json.dumps(body).encode()),
    st.dictionaries(
        st.sampled_from(
            ["rest_requests", "items", "relations", "attributes", "source", "variables", "sysparm_quantity", "state"]
        ),
        JSON,
        max_size=4,
    ).map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=30),
)


@pytest.fixture(scope="module")
def fresh() -> ServiceNowInstance:
    return ServiceNowInstance("eu", build(7, 20, 100), Clock(), 7, lambda: 0.0)


PATHS = (
    "now/table/{table}", "now/table/{table}/{key}", "now/stats/{table}", "now/attachment", "now/attachment/file",
    "now/attachment/upload", "now/v1/batch", "now/import/u_imp_incident", "now/import/u_imp_incident/insertMultiple",
    "now/tinyurl", "now/identifyreconcile", "now/identifyreconcile/query", "now/cmdb/instance/{table}",
    "now/cmdb/instance/{table}/{key}", "now/cmdb/instance/{table}/{key}/relation", "sn_chg_rest/change",
    "sn_chg_rest/change/{key}", "sn_chg_rest/change/{key}/task", "sn_chg_rest/change/{key}/approvals",
    "sn_chg_rest/change/{key}/conflict", "sn_sc/servicecatalog/items", "sn_sc/servicecatalog/items/{key}/order_now",
    "sn_sc/servicecatalog/items/{key}/add_to_cart", "sn_km_api/knowledge/articles", "x/problem/{key}/new_state/102",
)  # fmt: skip


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=80, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_nothing_sent_breaks_it(fresh: ServiceNowInstance, data: st.DataObject) -> None:
    send_something(fresh.anew(), data)


@pytest.mark.soak
@pytest.mark.timeout(600)
@settings(max_examples=10_000, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_nothing_sent_breaks_it_for_long(fresh: ServiceNowInstance, data: st.DataObject) -> None:
    send_something(fresh.anew(), data)


def send_something(instance: ServiceNowInstance, data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(TABLES))
    keys = [
        row["sys_id"] for name in (table, "change_request", "sc_cat_item", "problem") for row in instance.rows(name)[:2]
    ]
    path = data.draw(st.sampled_from(PATHS)).format(table=table, key=data.draw(st.sampled_from([*keys, "nope"])))
    method = data.draw(st.sampled_from(["GET", "POST", "PATCH", "DELETE"]))
    user = data.draw(st.sampled_from(["admin", "integration", "bob"]))
    secret = base64.b64encode(f"{user}:{instance.password(user)}".encode()).decode()
    headers = {
        "host": "instance.test",
        "authorization": f"Basic {secret}",
        "content-type": "multipart/form-data; boundary=b",
    }
    query = urlencode(data.draw(PARAMETERS))
    request = Request(method, f"/api/{path}", f"/api/{path}", query, headers, data.draw(BODIES), "http")
    reply = instance.handle(request)
    assert reply.status < 500
    for name, value in reply.headers.items():
        f"{name}: {value}".encode("latin-1")
    if not isinstance(reply.body, bytes):
        json.dumps(reply.body, ensure_ascii=False, allow_nan=False).encode()
