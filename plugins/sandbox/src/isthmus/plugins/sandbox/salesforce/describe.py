"""What does describe say about objects and fields, to this user?"""

import hashlib
import json
from collections.abc import Mapping
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import Final, cast

from isthmus.plugins.sandbox.message import Json, Reply

from .access import View
from .call import Call
from .preconditions import unchanged
from .recent import recent_items
from .schema import Field, SObject

_MASTER: Final = "012000000000000AAA"
_AFTER_48: Final = frozenset({"associateEntityType", "associateParentEntity", "sobjectDescribeOption"})


@cache
def _templates() -> Mapping[str, Mapping[str, Json]]:
    text = (files(__package__) / "data" / "describe.json").read_text("utf-8")
    return cast("Mapping[str, Mapping[str, Json]]", json.loads(text))


def describe_global(call: Call) -> Reply:
    """Answer `GET /sobjects`, with the validators that let a client ask whether it changed."""
    known = [each for each in call.store.schema.objects.values() if call.view.object(each.name) is not None]
    sobjects = [_brief(call, each) for each in known]
    return _unless_known(call, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects})


def describe_basic(call: Call, name: str) -> Reply:
    """Answer `GET /sobjects/X`."""
    sobject = call.sobject(name)
    return Reply(200, {"objectDescribe": _brief(call, sobject), "recentItems": recent_items(call, sobject.name)})


def describe(call: Call, name: str) -> Reply:
    """Answer `GET /sobjects/X/describe`, with the validators that let a client ask whether it changed."""
    sobject = call.sobject(name)
    return _unless_known(call, _full(call, sobject))


def _unless_known(call: Call, body: Mapping[str, Json]) -> Reply:
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8]
    headers = {"ETag": f'"{digest}"', "Last-Modified": format_datetime(call.org.opened, usegmt=True)}
    if unchanged(call.request, headers["ETag"], call.org.opened):
        return Reply(304, headers=headers, empty=True)
    return Reply(200, body, headers)


def _brief(call: Call, sobject: SObject) -> Mapping[str, Json]:
    view, path = call.view, f"{call.base}/sobjects/{sobject.name}"
    template = _templates()["brief"]
    links = {name: str(_templates()["links"][name]).format(path=path) for name in sobject.links}
    return {
        **{name: value for name, value in template.items() if _known_by(call.version, name)},
        "createable": sobject.createable and view.writes,
        "custom": sobject.custom,
        "deletable": sobject.deletable and view.writes,
        "keyPrefix": sobject.prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": "layouts" in sobject.links,
        "name": sobject.name,
        "replicateable": sobject.replicateable,
        "searchable": bool(sobject.search),
        "updateable": sobject.updateable and view.writes,
        "urls": {"sobject": path, "describe": f"{path}/describe", "rowTemplate": f"{path}/{{ID}}", **links},
    }


def _known_by(version: str, name: str) -> bool:
    """Say whether this version of the API knew the key; recordings of v48 lack what those of v52 have."""
    return float(version) > 48 or name not in _AFTER_48


def _full(call: Call, sobject: SObject) -> Mapping[str, Json]:
    view = call.view
    brief = _brief(call, sobject)
    children: list[Json] = [
        {
            "cascadeDelete": child.cascade,
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
    scopes: list[Json] = [{"label": f"All {sobject.label_plural.lower()}", "name": "everything"}]
    if "ownerid" in sobject.by_name:
        scopes.append({"label": f"My {sobject.label_plural.lower()}", "name": "mine"})
    fields: list[Json] = [_field(view, sobject, each) for each in view.fields(sobject)]
    return {
        **brief,
        **{name: value for name, value in _templates()["full"].items() if _known_by(call.version, name)},
        "childRelationships": children,
        "compactLayoutable": "compactLayouts" in sobject.links,
        "fields": fields,
        "recordTypeInfos": _record_types(call, sobject),
        "searchLayoutable": bool(sobject.search),
        "supportedScopes": scopes,
        "urls": {**cast("Mapping[str, Json]", brief["urls"]), **_pages(call, sobject)},
    }


def _pages(call: Call, sobject: SObject) -> Mapping[str, Json]:
    if "layouts" not in sobject.links:
        return {}
    origin, path = call.request.origin, f"{call.base}/sobjects/{sobject.name}"
    pages = {name: str(url).format(origin=origin, prefix=sobject.prefix) for name, url in _templates()["pages"].items()}
    return (
        pages if float(call.version) > 48 else {**pages, "defaultValues": f"{path}/defaultValues?recordTypeId&fields"}
    )


def _record_types(call: Call, sobject: SObject) -> list[Json]:
    """Return the object's record types and the master, which stands for none."""
    if not (sobject.search and "layouts" in sobject.links):
        return []
    own = [row for row in call.store["RecordType"] if row["SobjectType"] == sobject.name and row["IsActive"]]
    told = [(row["DeveloperName"], row["Name"], row["Id"]) for row in own] + [("Master", "Master", _MASTER)]
    return [
        {
            "active": True,
            "available": True,
            "defaultRecordTypeMapping": key == _MASTER,
            "developerName": name,
            "master": key == _MASTER,
            "name": label,
            "recordTypeId": key,
            "urls": {"layout": f"{call.base}/sobjects/{sobject.name}/describe/layouts/{key}"},
        }
        for name, label, key in told
    ]


def _field(view: View, sobject: SObject, column: Field) -> Mapping[str, Json]:
    soap = _templates()["soap_types"]
    writable = view.writes and not column.read_only
    return {
        **_templates()["field"],
        "aggregatable": column.sortable and column.type != "boolean",
        "autoNumber": bool(column.auto_number),
        "byteLength": column.length * 3 if column.type not in ("id", "reference") else 18,
        "calculated": column.calculated,
        "cascadeDelete": column.cascade,
        "calculatedFormula": column.formula,
        "caseSensitive": column.case_sensitive,
        "compoundFieldName": sobject.compounds.get(column.name),
        "createable": writable,
        "custom": column.custom,
        "defaultValue": False if column.type == "boolean" else column.default,
        "defaultedOnCreate": column.defaulted or column.type == "boolean",
        "digits": column.digits,
        "externalId": column.external_id,
        "extraTypeInfo": _extra_type(sobject, column),
        "filterable": column.filterable,
        "groupable": column.groupable,
        "idLookup": column.is_key,
        "inlineHelpText": column.help,
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
        "updateable": writable and not column.fixed,
    }


def _extra_type(sobject: SObject, column: Field) -> str | None:
    if column.type == "textarea":
        return "plaintextarea"
    named = "Name" in (column.name, sobject.compounds.get(column.name))
    return "personname" if named and "lastname" in sobject.by_name else None
