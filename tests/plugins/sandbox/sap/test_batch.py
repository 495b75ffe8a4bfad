import json
import re

import httpx2

from isthmus.plugins.sandbox import Effect, SapLandscape

from .conftest import Open

MIXED = {"content-type": "multipart/mixed; boundary=outer"}
Order = dict[str, object]


def part(request: str, body: object = None, content_id: str = "", **headers: str) -> str:
    text = "" if body is None else json.dumps(body)
    given = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    named = f"Content-ID: {content_id}\r\n" if content_id else ""
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{named}\r\n"
    return f"{head}{request} HTTP/1.1\r\nContent-Type: application/json\r\n{given}\r\n{text}\r\n"


def change_set(*parts: str) -> str:
    inside = "".join(f"--inner\r\n{each}" for each in parts)
    return f"Content-Type: multipart/mixed; boundary=inner\r\n\r\n{inside}--inner--\r\n"


def whole(*parts: str) -> bytes:
    return ("".join(f"--outer\r\n{each}" for each in parts) + "--outer--\r\n").encode()


def statuses(answer: httpx2.Response) -> list[int]:
    return [int(each) for each in re.findall(r"HTTP/1\.1 (\d+)", answer.text)]


def item(order: str, **values: object) -> Order:
    return {"SalesOrder": order, "Material": "TG11", "RequestedQuantity": "1", **values}


def test_reads_and_change_sets_in_one(orders: httpx2.Client, landscape: SapLandscape, order: Order) -> None:
    changes = change_set(part("POST A_SalesOrder", order, "1"), part("POST A_SalesOrderItem", item("1"), "2"))
    answer = orders.post("$batch", content=whole(part("GET A_SalesOrder('1')"), changes), headers=MIXED)
    assert (answer.status_code, statuses(answer)) == (202, [200, 201, 201])
    assert "Content-ID: 2" in answer.text
    assert [each.object for each in landscape.journal.entries[-1].effects] == [
        "SalesOrder",
        "SalesOrderItem",
        "SalesOrderItem",
    ]


def test_a_change_set_that_fails_is_taken_back_and_answered_once(
    orders: httpx2.Client, landscape: SapLandscape, order: Order
) -> None:
    broken = change_set(part("POST A_SalesOrder", order, "1"), part("POST A_SalesOrderItem", item("999"), "2"))
    fine = change_set(part("POST A_SalesOrderItem", item("1"), "1"))
    answer = orders.post("$batch", content=whole(broken, fine, part("GET A_SalesOrder/$count")), headers=MIXED)
    assert (answer.status_code, statuses(answer)) == (202, [400, 201, 200])
    assert (answer.text.count("V1/302") > 0, len(landscape.rows("SalesOrder"))) == (True, 300)
    last = landscape.journal.entries[-1]
    assert [(each.action, each.object) for each in last.effects] == [("created", "SalesOrderItem")]


def test_a_part_may_name_what_one_before_made(orders: httpx2.Client, landscape: SapLandscape, order: Order) -> None:
    values = {"Material": "TG11", "RequestedQuantity": "1"}
    changes = change_set(part("POST A_SalesOrder", order, "head"), part("POST $head/to_Item", values, "2"))
    answer = orders.post("$batch", content=whole(changes), headers=MIXED)
    assert statuses(answer) == [201, 201]
    assert len([row for row in landscape.rows("SalesOrderItem") if row["SalesOrder"] == "301"]) == 2


def test_writes_outside_and_reads_inside_of_change_sets_are_refused(orders: httpx2.Client, order: Order) -> None:
    assert orders.post("$batch", content=whole(part("POST A_SalesOrder", order)), headers=MIXED).status_code == 400
    inside = whole(change_set(part("GET A_SalesOrder('1')")))
    assert orders.post("$batch", content=inside, headers=MIXED).status_code == 400


def test_a_batch_that_cannot_be_read(orders: httpx2.Client) -> None:
    assert orders.post("$batch", content=b"--outer\r\n", headers=MIXED).status_code == 400
    assert orders.post("$batch", content=b"", headers={"content-type": "text/plain"}).status_code == 415
    assert orders.post("$batch", content=whole("\r\nnonsense\r\n"), headers=MIXED).status_code == 400
    other = whole(part("GET http://elsewhere.example/A_SalesOrder"))
    assert orders.post("$batch", content=other, headers=MIXED).status_code == 400
    assert orders.get("$batch").status_code == 405


def test_preconditions_hold_within_a_batch(orders: httpx2.Client) -> None:
    mark = orders.get("A_SalesOrder('1')").headers["etag"]
    body = {"PurchaseOrderByCustomer": "B"}
    right = part("MERGE A_SalesOrder('1')", body, "1", **{"If-Match": mark})
    answer = orders.post("$batch", content=whole(change_set(right), change_set(right)), headers=MIXED)
    assert statuses(answer) == [204, 412]


def test_v4_in_parts_and_in_json(orders4: httpx2.Client, order: Order) -> None:
    alone = part("PATCH SalesOrder('1')", {"PurchaseOrderByCustomer": "C"}, "", **{"If-Match": "*"})
    answer = orders4.post("$batch", content=whole(part("GET SalesOrder('1')"), alone), headers=MIXED)
    assert (answer.status_code, statuses(answer)) == (200, [200, 200])
    requests = [
        {"id": "a", "method": "GET", "url": "SalesOrder('1')?$select=TotalNetAmount"},
        {"id": "b", "method": "GET", "url": "SalesOrder('nope')"},
    ]
    said = orders4.post("$batch", json={"requests": requests})
    first, second = said.json()["responses"]
    assert (first["status"], first["body"]["@odata.etag"][:6], second["status"]) == (200, 'W/"SAD', 404)
    assert re.search(r'"TotalNetAmount":\d+\.\d{3}', said.text)


def new_item(id: str, order: str, number: str, **more: object) -> Order:
    body = {"SalesOrder": order, "SalesOrderItem": number, "Material": "TG11", "RequestedQuantity": 1.5}
    return {"id": id, "method": "POST", "url": "SalesOrderItem", "atomicityGroup": "g", "body": body, **more}


def test_a_json_group_that_fails_shows_what_it_took_back(orders4: httpx2.Client, landscape: SapLandscape) -> None:
    requests = [new_item("1", "1", "900"), new_item("2", "1", "900"), new_item("3", "1", "910")]
    requests += [{"id": "4", "method": "GET", "url": "SalesOrder('1')", "dependsOn": ["g"]}]
    said = orders4.post("$batch", json={"requests": [*requests, {"id": "5", "method": "GET", "url": "SalesOrder"}]})
    found = {each["id"]: each["status"] for each in said.json()["responses"]}
    assert found == {"1": 201, "2": 409, "3": 424, "4": 424, "5": 200}
    assert not [row for row in landscape.rows("SalesOrderItem") if row["SalesOrderItem"] in ("900", "910")]
    assert landscape.journal.entries[-1].effects == ()


def test_a_json_group_that_succeeds(orders4: httpx2.Client, landscape: SapLandscape) -> None:
    requests = [new_item("1", "1", "900"), {**new_item("2", "1", "910"), "dependsOn": ["1"]}]
    follow = {"id": "3", "method": "GET", "url": "$1/Material", "dependsOn": ["g"]}
    said = orders4.post("$batch", json={"requests": [*requests, follow]}).json()["responses"]
    assert [(each["id"], each["status"]) for each in said] == [("1", 201), ("2", 201), ("3", 200)]
    assert (said[0]["atomicityGroup"], said[2]["body"]["value"]) == ("g", "TG11")
    assert landscape.journal.entries[-1].effects == (
        Effect("created", "SalesOrderItem", "SalesOrder='1',SalesOrderItem='900'"),
        Effect("created", "SalesOrderItem", "SalesOrder='1',SalesOrderItem='910'"),
    )


def test_ids_of_a_json_batch_are_each_its_own(orders4: httpx2.Client) -> None:
    twice = {"requests": [{"id": "1", "method": "GET", "url": "SalesOrder"}] * 2}
    assert orders4.post("$batch", json=twice).status_code == 400
    assert orders4.post("$batch", json={}).status_code == 400


def test_users_rights_hold_within_a_batch(landscape: SapLandscape, session: Open) -> None:
    reader = session(landscape, "/sap/opu/odata/sap/API_SALES_ORDER_SRV", "carol")
    answer = reader.post(
        "$batch", content=whole(change_set(part("POST A_SalesOrderItem", item("1"), "1"))), headers=MIXED
    )
    assert statuses(answer) == [403]
