"""Do records become objects as their class says, whatever form a field arrives in, and objects become values?"""

import json
from datetime import UTC, date, datetime, time
from typing import ClassVar, Literal, Self, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator

from isthmus.core import verbs
from isthmus.core.errors import InvalidArguments
from isthmus.core.models import Change, Masked, Model, ModelPage, New, page_of
from isthmus.core.records import Page, Query, Record, Ref, Withheld

Moods: TypeAlias = Literal["good", "bad"]


class Person(Model):
    isthmus_object: ClassVar[str] = "Person"
    Name: str | Ref | Masked | None = None
    Age: int | Masked | None = None
    Born: date | Ref | None = None
    Seen: datetime | None = None
    Wakes: time | None = None
    Mood: Moods | str | None = None
    class_: str | None = Field(default=None, validation_alias="class", serialization_alias="class")


class PersonNew(New):
    isthmus_object: ClassVar[str] = "Person"
    Name: str | Ref
    Mood: Moods | None = None
    Born: date | None = None
    class_: str | None = Field(default=None, validation_alias="class", serialization_alias="class")


class PersonChange(Change):
    isthmus_object: ClassVar[str] = "Person"
    Age: int | None = None


def read(**fields: object) -> Person:
    return Person.of(Record("Person", "1", fields, "v1"))


def test_values_get_the_type_of_their_field():
    one = read(
        Name="Falk", Age=3.0, Born="1980-02-03", Seen="2026-01-31T12:00:00.000+0000", Wakes="06:30:00.000Z", Mood="bad"
    )
    assert (one.Name, one.Age, one.Born, one.Mood) == ("Falk", 3, date(1980, 2, 3), "bad")
    assert one.Seen == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert one.Wakes == time(6, 30, tzinfo=UTC)
    assert (one.record.id, one.record.version) == ("1", "v1")


def test_refs_and_masks_stay_what_they_are():
    one = read(Name=Ref("ref_1"), Age=Masked("[Age]"), Born=Ref("ref_2"))
    assert (one.Name, one.Age, one.Born) == (Ref("ref_1"), "[Age]", Ref("ref_2"))
    assert isinstance(one.Age, Masked)
    assert isinstance(read(Name=Masked("[Name]")).Name, Masked)
    assert type(read(Name="[Name]").Name) is str
    assert one.record.withheld == ()


def test_a_choice_that_was_listed_once_is_still_read():
    assert read(Mood="retired").Mood == "retired"


def test_a_field_by_a_name_that_python_keeps_for_itself_is_read_by_its_alias():
    one = read(**{"class": "A", "class_": "B"})
    assert one.class_ == "A"
    assert read(class_="B").class_ is None
    assert one.model_dump(exclude_unset=True) == {"class": "A"}


@given(st.one_of(st.text(), st.integers(), st.just(Ref("ref_9")), st.just(Masked("[x]")), st.lists(st.text())))
def test_what_does_not_fit_is_none_and_named_and_never_raised(value: object):
    for name, fits in (("Age", int | Masked), ("Seen", datetime)):
        one = read(Name="Falk", **{name: value})
        assert one.Name == "Falk"
        if getattr(one, name) is None:
            assert one.record.withheld == (Withheld(name, ("not-as-the-model-says",)),)
        else:
            assert isinstance(getattr(one, name), fits)
            assert one.record.withheld == ()
        assert one.record.fields[name] == value


def test_a_withheld_field_is_none_and_named():
    record = Record("Person", "1", {"Name": "Falk"}, withheld=(Withheld("Age", ("phi-never",)),))
    one = Person.of(record)
    assert one.Age is None
    assert one.record is record


def test_an_object_made_by_hand_has_no_record():
    with pytest.raises(LookupError, match="Person was not read by a call"):
        _ = Person(Name="Falk").record


def test_a_page_keeps_what_it_tells():
    page = Page((Record("Person", "1", {"Name": "Falk"}),), "next", 3, complete=True, withheld=(Withheld("x", ()),))
    found = page_of(Person, page)
    assert found == ModelPage(found.records, "next", 3, complete=True, withheld=page.withheld)
    assert [one.Name for one in found.records] == ["Falk"]


def test_a_read_asks_for_the_fields_of_the_class():
    names = ["Name", "Age", "Born", "Seen", "Wakes", "Mood", "class"]
    assert verbs.get("crm", Person, "1").arguments["fields"] == names
    assert verbs.get("crm", Person, "1", ("Age",)).arguments["fields"] == ["Age"]
    assert verbs.query_objects("crm", Person).arguments["select"] == names
    assert verbs.search("crm", Person, "falk").arguments["fields"] == names
    assert "fields" not in verbs.get("crm", "Person", "1").arguments


def test_a_class_with_more_fields_than_a_call_may_name_asks_for_all():
    annotations = {f"F{n}": str | None for n in range(201)}
    wide = type("Wide", (Model,), {"__annotations__": annotations, **dict.fromkeys(annotations), "isthmus_object": "W"})
    assert verbs.get("crm", wide, "1").arguments["fields"] == ["*"]


def test_only_what_was_set_is_written_by_the_names_of_its_fields():
    made = verbs.create("crm", Person, PersonNew(Name=Ref("ref_1"), Born=date(1980, 2, 3), class_=None))
    assert made.arguments["values"] == {"Name": {"ref": "ref_1"}, "Born": "1980-02-03", "class": None}
    assert verbs.update("crm", "person", "1", PersonChange(Age=4)).arguments["values"] == {"Age": 4}


def test_values_of_another_object_are_refused():
    with pytest.raises(InvalidArguments, match="PersonChange holds values of 'Person', not of 'Case'"):
        verbs.update("crm", "Case", "1", PersonChange(Age=4))


def test_a_mask_is_never_written_back():
    one = read(Name=Masked("[Name]"))
    with pytest.raises(InvalidArguments, match="Name holds the text that stands for a masked value"):
        verbs.update("crm", Person, "1", {"Name": one.Name})


def test_a_class_without_an_object_is_refused():
    class Nameless(Model):
        Name: str | None = None

    with pytest.raises(InvalidArguments, match="Nameless names no object"):
        verbs.get("crm", Nameless, "1")


def test_values_are_checked_as_they_are_set_and_not_shown():
    with pytest.raises(ValidationError) as caught:
        PersonNew(Name="Falk", Mood="secret")
    assert "secret" not in str(caught.value)
    with pytest.raises(ValidationError):
        PersonNew(Name="Falk", Nmae="Falk")


def test_values_come_from_json_as_agents_write_it():
    text = json.dumps({"Name": {"ref": "ref_1"}, "Mood": "good"})
    made = PersonNew.model_validate_json(text)
    assert made.Name == Ref("ref_1")
    assert made.model_dump_json(exclude_unset=True) == '{"Name":{"ref":"ref_1"},"Mood":"good"}'
    assert PersonNew.model_validate(json.loads(text)) == made
    assert "ref" in str(PersonNew.model_json_schema())


def test_objects_survive_a_round_trip_through_json():
    one = read(Name=Ref("ref_1"), Age=Masked("[Age]"))
    assert Person.model_validate_json(one.model_dump_json()).Age == Masked("[Age]")
    assert json.loads(one.model_dump_json(exclude_none=True)) == {"Name": {"ref": "ref_1"}, "Age": "[Age]"}


def test_a_query_by_name_is_what_it_was():
    assert verbs.query("crm", Query("Person", ("Name",))).named == ""


def test_a_class_that_demands_a_field_is_refused_before_the_call():
    class Strict(Model):
        isthmus_object: ClassVar[str] = "Person"
        Name: str

    with pytest.raises(InvalidArguments, match="Name has no default"):
        verbs.create("crm", Strict, {"Name": "Falk"})


def test_a_validator_of_the_class_cannot_lose_the_record():
    class Picky(Model):
        isthmus_object: ClassVar[str] = "Person"
        Name: str | None = None

        @model_validator(mode="after")
        def named(self) -> Self:
            raise ValueError("never right")

    one = Picky.of(Record("Person", "1", {"Name": "Falk"}, "v1"))
    assert (one.record.id, one.Name) == ("1", None)
    assert [why.what for why in one.record.withheld] == ["Name"]
