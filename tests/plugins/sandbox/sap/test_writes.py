import httpx2

from isthmus.plugins.sandbox import Effect, SapLandscape


def test_a_deep_insert_makes_items_and_adds_up(
    orders: httpx2.Client, landscape: SapLandscape, order: dict[str, object]
) -> None:
    answer = orders.post("A_SalesOrder", json=order)
    made = answer.json()["d"]
    assert answer.status_code == 201
    assert made["TotalNetAmount"] == "235.000"
    assert [each["NetAmount"] for each in made["to_Item"]["results"]] == ["235.000"]
    assert answer.headers["location"] == made["__metadata"]["uri"]
    assert answer.headers["etag"] == made["__metadata"]["etag"]
    assert landscape.journal.entries[-1].effects == (
        Effect("created", "SalesOrder", made["SalesOrder"]),
        Effect("created", "SalesOrderItem", f"SalesOrder='{made['SalesOrder']}',SalesOrderItem='10'"),
    )
