"""What does describe say about objects and fields, to this user?"""

import hashlib
import json
from collections.abc import Mapping
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import cast

from isthmus.plugins.sandbox.message import Json, Reply

from .access import View
from .call import Call
from .preconditions import unchanged
from .schema import Field, SObject


@cache
def _templates() -> Mapping[str, Mapping[str, Json]]:
    text = (files(__package__) / "data" / "describe.json").read_text("utf-8")
    return cast("Mapping[str, Mapping[str, Json]]", json.loads(text))


def describe_global(call: Call) -> Reply:
    """Answer `GET /sobjects`."""
    known = [each for each in call.store.schema.objects.values() if call.view.object(each.name) is not None]
    sobjects = [_brief(call.view, each, call.base) for each in known]
    return Reply(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects})


def describe_basic(call: Call, name: str) -> Reply:
    """Answer `GET /sobjects/X`."""
    sobject = call.sobject(name)
    return Reply(200, {"objectDescribe": _brief(call.view, sobject, call.base), "recentItems": []})


def describe(call: Call, name: str) -> Reply:
    """Answer `GET /sobjects/X/describe`, with the validators that let a client ask whether it changed."""
    sobject = call.sobject(name)
    body = _full(call.view, sobject, call.base)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8]
    headers = {"ETag": f'"{digest}"', "Last-Modified": format_datetime(call.org.opened, usegmt=True)}
    if unchanged(call.request, headers["ETag"], call.org.opened):
        return Reply(304, headers=headers, empty=True)
    return Reply(200, body, headers)


def _brief(view: View, sobject: SObject, base: str) -> Mapping[str, Json]:
    path = f"{base}/sobjects/{sobject.name}"
    return {
        **_templates()["brief"],
        "createable": sobject.createable and view.writes,
        "custom": sobject.custom,
        "deletable": sobject.deletable and view.writes,
        "keyPrefix": sobject.prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "name": sobject.name,
        "searchable": bool(sobject.search),
        "updateable": sobject.updateable and view.writes,
        "urls": {"sobject": path, "describe": f"{path}/describe", "rowTemplate": f"{path}/{{ID}}"},
    }


def _full(view: View, sobject: SObject, base: str) -> Mapping[str, Json]:
    children: list[Json] = [
        {
            "cascadeDelete": False,
            "childSObject": child.object,
            "deprecatedAndHidden": False,
            "field": child.field,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": child.relationship,
            "restrictedDelete": False,
        }
        for child in view.schema.children_of(sobject.name)
        if view.object(child.object) is not None
    ]
    fields: list[Json] = [_field(view, each) for each in view.fields(sobject)]
    scopes: list[Json] = [{"label": f"All {sobject.label_plural.lower()}", "name": "everything"}]
    full: dict[str, Json] = {"childRelationships": children, "fields": fields, "supportedScopes": scopes}
    return {**_brief(view, sobject, base), **_templates()["full"], **full}


def _field(view: View, column: Field) -> Mapping[str, Json]:
    soap = _templates()["soap_types"]
    writable = view.writes and not column.read_only
    return {
        **_templates()["field"],
        "aggregatable": column.sortable and column.type != "boolean",
        "autoNumber": bool(column.auto_number),
        "byteLength": column.length * 3 if column.type not in ("id", "reference") else 18,
        "calculated": column.calculated,
        "caseSensitive": column.case_sensitive,
        "createable": writable,
        "custom": column.custom,
        "defaultValue": False if column.type == "boolean" else column.default,
        "defaultedOnCreate": column.defaulted or column.type == "boolean",
        "digits": column.digits,
        "externalId": column.external_id,
        "filterable": column.filterable,
        "groupable": column.groupable,
        "idLookup": column.is_key,
        "label": column.label,
        "length": 18 if column.type == "reference" else column.length,
        "name": column.name,
        "nameField": column.name_field,
        "namePointing": len(column.refers) > 1,
        "nillable": column.nillable,
        "picklistValues": [
            {"active": True, "defaultValue": value == column.default, "label": value, "validFor": None, "value": value}
            for value in column.values
        ],
        "polymorphicForeignKey": len(column.refers) > 1,
        "precision": column.precision,
        "referenceTo": list(column.refers),
        "relationshipName": column.relationship,
        "restrictedPicklist": column.restricted,
        "scale": column.scale,
        "soapType": soap.get(column.type, "xsd:string"),
        "sortable": column.sortable,
        "type": column.type,
        "unique": column.unique,
        "updateable": writable,
    }
