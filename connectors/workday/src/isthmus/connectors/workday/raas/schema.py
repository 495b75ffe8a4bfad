"""What do a report's columns and prompts hold, as its schema (`?xsds`) says?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from isthmus.connectors.workday.answers import strange
from isthmus.connectors.workday.shapes import Kind
from isthmus.connectors.workday.soap.xml import parsed
from isthmus.core.http import Response

__all__ = ["Schema", "schema_of"]

XSD = "{http://www.w3.org/2001/XMLSchema}"
ENTRY = "Report_EntryType"
PROMPTS = "Report_ParametersType"
_KINDS: Mapping[str, Kind] = {
    "string": Kind.TEXT,
    "decimal": Kind.NUMERIC,
    "integer": Kind.NUMERIC,
    "int": Kind.NUMERIC,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "datetime": Kind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class Schema:
    """Types of columns and prompts by name; `required` are prompts without which the report does not run.

    A prompt of another type than the plain ones takes the WID of an instance. `sent` are the names under which prompts
    are sent, which may hold a mark that no name in XML can.
    """

    columns: Mapping[str, Kind]
    prompts: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    sent: Mapping[str, str] = field(default_factory=dict)


def schema_of(answer: Response) -> Schema:
    """Read a schema; raises UpstreamError where it describes no report."""
    root = parsed(answer.body)
    types = {one.get("name", ""): one for one in root.iter(f"{XSD}complexType")}
    if ENTRY not in types:
        raise strange("with a schema that describes no report; see that it is enabled as a web service")
    prompts = list(_elements(types[PROMPTS])) if PROMPTS in types else []
    required = tuple(one.get("name", "") for one in prompts if one.get("minOccurs", "1") != "0")
    kinds = dict(_typed(iter(prompts), other=Kind.INSTANCE))
    sent = {one.get("name", ""): _sent(one, kinds[one.get("name", "")]) for one in prompts}
    return Schema(dict(_typed(_elements(types[ENTRY]))), kinds, required, sent)


def _sent(prompt: Element, kind: Kind) -> str:
    told = (prompt.findtext(f"{XSD}annotation/{XSD}documentation") or "").strip()
    name = prompt.get("name", "")
    if "!" in told and told.replace("!", "_") == name:
        return told
    return f"{name}!WID" if kind is Kind.INSTANCE else name


def _elements(kind: Element) -> Iterator[Element]:
    return (one for group in kind for one in group if one.tag == f"{XSD}element" and one.get("name"))


def _typed(elements: Iterator[Element], other: Kind = Kind.OTHER) -> Iterator[tuple[str, Kind]]:
    for one in elements:
        word = one.get("type", "").rpartition(":")[2].lower()
        many = one.get("maxOccurs", "1") != "1"
        yield one.get("name", ""), other if many else _KINDS.get(word, other)
