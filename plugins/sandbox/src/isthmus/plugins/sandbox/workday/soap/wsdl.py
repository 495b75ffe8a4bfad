"""Which description makes a client of web services read workers?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element

from isthmus.plugins.sandbox.salesforce.xml_text import local, read_xml
from isthmus.plugins.sandbox.workday.users import data_text

from .groups import GROUPS
from .workers import get_workers
from .xml import SPACE

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.workday.call import Call

_REQUEST: Final = (
    f'<r xmlns="{SPACE}"><Request_References>{{who}}</Request_References>'
    "<Response_Filter>{when}</Response_Filter><Response_Group><Include_Reference>1</Include_Reference>"
    f"{''.join(f'<{each}>1</{each}>' for each in GROUPS)}</Response_Group></r>"
)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass
class _Shape:
    """What was seen of one element: its children in their order, its attributes, whether it comes more than once."""

    children: "dict[str, _Shape]" = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)
    many: bool = False
    days: bool = True


def describe(call: "Call", url: str) -> str:
    """Write the WSDL of Human_Resources; the types of the answer are those of answers about some workers."""
    shape = _Shape()
    numbers = call.view.workers()
    picked = [call.tenant.world.number_of(each) for each in ("greta", "bob", "erin")] + numbers[-3:]
    who = "".join(
        f'<Worker_Reference><ID type="Employee_ID">{each}</ID></Worker_Reference>' for each in dict.fromkeys(picked)
    )
    day = call.view.today.isoformat()
    held = {"As_Of_Effective_Date": day, "As_Of_Entry_DateTime": f"{day}T23:59:59Z", "Page": "1", "Count": "100"}
    when = "".join(f"<{name}>{value}</{name}>" for name, value in held.items())
    asked = read_xml(_REQUEST.format(who=who, when=when).encode())
    response = read_xml(get_workers(call, asked, call.place.version).encode())
    _learn(shape, response)
    groups = "".join(
        f'<xsd:element name="{each}" type="xsd:boolean" minOccurs="0"/>' for each in ("Include_Reference", *GROUPS)
    )
    text = data_text("human_resources.wsdl")
    told: Mapping[str, str] = {
        "@space@": SPACE,
        "@url@": url,
        "@groups@": groups,
        "@response@": _type(shape),
    }
    for mark, value in told.items():
        text = text.replace(mark, value)
    return text


def _learn(shape: _Shape, element: Element) -> None:
    shape.attributes |= {key.rpartition("}")[2] for key in element.attrib}
    shape.days = shape.days and bool(_DAY.fullmatch(element.text or ""))
    order, place = list(shape.children), 0
    counted: dict[str, int] = {}
    for each in element:
        name = local(each)
        counted[name] = counted.get(name, 0) + 1
        if name in order:
            place = order.index(name) + 1
        else:
            order.insert(place, name)
            place += 1
            shape.children[name] = _Shape()
        _learn(shape.children[name], each)
    for name, count in counted.items():
        shape.children[name].many = shape.children[name].many or count > 1
    shape.children = {name: shape.children[name] for name in order}


def _type(shape: _Shape) -> str:
    attributes = "".join(f'<xsd:attribute name="{each}" type="xsd:string"/>' for each in sorted(shape.attributes))
    if not shape.children and shape.attributes:
        return (
            f'<xsd:complexType><xsd:simpleContent><xsd:extension base="xsd:string">{attributes}</xsd:extension>'
            "</xsd:simpleContent></xsd:complexType>"
        )
    inside = "".join(_element(name, each) for name, each in shape.children.items())
    return f"<xsd:complexType><xsd:sequence>{inside}</xsd:sequence>{attributes}</xsd:complexType>"


def _element(name: str, shape: _Shape) -> str:
    often = ' maxOccurs="unbounded"' if shape.many else ""
    if not shape.children and not shape.attributes:
        kind = "date" if shape.days else "string"
        return f'<xsd:element name="{name}" type="xsd:{kind}" minOccurs="0"{often}/>'
    return f'<xsd:element name="{name}" minOccurs="0"{often}>{_type(shape)}</xsd:element>'
