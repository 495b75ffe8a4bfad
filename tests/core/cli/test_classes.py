"""Is what is written from shapes a Python file that holds them, whatever a vendor calls its objects and fields?"""

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from isthmus.core import verbs
from isthmus.core.cli.classes import written
from isthmus.core.cli.models import moved
from isthmus.core.cli.shapes import FieldShape, ObjectShape
from isthmus.core.connector import FieldType
from isthmus.core.models import Model
from isthmus.core.records import Masked, Record, Ref
from isthmus.residency import Form

NASTY = [
    "class", "class_", "class__", "None", "match", "type", "str", "date", "time", "l", "O", "I", "record", "of", "copy",
    "json", "schema", "mro", "register", "model_config", "model_fields", "isthmus_object", "Field", "ClassVar", "Ref",
    "Model", "New", "Literal", "_record", "__init__", "__slots__", "_", "1st", "a.b", "a-b", "a_b", "ä", "ﬁ", "Name", "name",
    'a"b', 'a"""b', "a'b", "a\\", "\\N{DASH}", "a\nimport os", "\x00", "\u202eevil", "{x}", "# type: ignore", "# noqa", " ",
    "Account_name", "AccountNew", "𝐀", "\U0001f600", "validation_alias",
]  # fmt: skip
names = st.sampled_from(NASTY) | st.text(min_size=1, max_size=12)
texts = st.sampled_from(["", *NASTY]) | st.text(max_size=12)
fields = st.builds(
    FieldShape,
    name=names,
    label=texts,
    types=st.frozensets(st.sampled_from(FieldType), min_size=1, max_size=2),
    choices=st.lists(names, max_size=4, unique=True).map(sorted).map(tuple),
    restricted=st.booleans(),
    required=st.booleans(),
    createable=st.booleans(),
    updateable=st.booleans(),
    forms=st.frozensets(st.sampled_from(Form), max_size=3),
)
shapes = st.lists(
    st.builds(
        ObjectShape,
        name=names,
        label=texts,
        fields=st.lists(fields, max_size=6, unique_by=lambda one: one.name).map(tuple),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.name,
)


def text_of(*found: ObjectShape) -> str:
    return written("crm", ["salesforce"], "desktop-us", found)


def loaded(text: str) -> ModuleType:
    module = ModuleType("found_models")
    exec(compile(text, "found_models.py", "exec"), module.__dict__)  # a generated file is what is tested here
    return module


def readers(module: ModuleType) -> dict[str, type[Model]]:
    classes = (one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Model))
    return {one.isthmus_object: one for one in classes if one is not Model}


def is_literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@settings(max_examples=200, deadline=None)
@given(shapes)
def test_any_metadata_gives_a_file_that_loads_and_reads_its_fields(found):
    module = loaded(text_of(*found))
    classes = readers(module)
    assert set(classes) == {one.name for one in found}
    for one in found:
        seen = {field.name for field in one.fields if field.forms & {Form.CLEAR, Form.REF, Form.MASK}}
        asked = verbs.get("crm", classes[one.name], "1").arguments.get("fields", [])
        assert set(asked) == seen
        for field in (field for field in one.fields if field.name in seen and Form.REF in field.forms):
            got = classes[one.name].of(Record(one.name, "1", {field.name: Ref("ref_1")}))
            assert Ref("ref_1") in [getattr(got, name) for name in type(got).model_fields]
            assert got.record.withheld == ()
        for field in (field for field in one.fields if field.name in seen and Form.MASK in field.forms):
            got = classes[one.name].of(Record(one.name, "1", {field.name: Masked("[x]")}))
            assert any(isinstance(getattr(got, name), Masked) for name in type(got).model_fields)


@given(shapes)
def test_a_file_holds_imports_types_and_classes_of_fields_and_nothing_else(found):
    head, *body = ast.parse(text_of(*found)).body
    assert is_literal(head)
    for node in body:
        if isinstance(node, ast.ClassDef):
            assert all(is_literal(inner) or isinstance(inner, ast.AnnAssign) for inner in node.body)
        else:
            assert isinstance(node, ast.ImportFrom | ast.Assign)
    labels = {
        inner.value.value
        for node in body
        if isinstance(node, ast.ClassDef)
        for inner in node.body[2:]
        if is_literal(inner)
    }
    wanted = {field.label or field.name for one in found for field in one.fields}
    assert labels <= wanted


@given(shapes, st.randoms())
def test_equal_shapes_give_equal_files_in_any_order(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert text_of(*shuffled) == text_of(*found)
    assert list(moved(text_of(*found), text_of(*found))) == []


def test_a_hostile_file_passes_the_type_checker_and_the_linter(tmp_path: Path, typed: Path):
    plain = FieldShape("Name", "Account Name", required=True)
    mood = FieldShape("Mood", types=frozenset({FieldType.CHOICE}), choices=("bad", 'go"od\n'), restricted=True)
    kinds = [
        replace(plain, name=f"F{kind.value}", required=False, types=frozenset({kind}), forms=frozenset(Form))
        for kind in FieldType
    ]
    nasty = [
        replace(plain, name=name, label=name, required=False, choices=(name,), types=frozenset({FieldType.CHOICE}))
        for name in NASTY
        if name != "Name"
    ]
    objects = [ObjectShape(name, name, (plain,)) for name in NASTY]
    fields = sorted((mood, plain, *kinds, *nasty), key=lambda one: one.name)
    text = text_of(ObjectShape("Account", "Account", tuple(fields)), *objects)
    (tmp_path / "nasty_models.py").write_text(text, encoding="utf-8")
    (tmp_path / "sample.py").write_text(SAMPLE)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(typed), "sample.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    lines = {int(line.split(":")[1]): line.rpartition("[")[2] for line in ran.stdout.splitlines() if ": error:" in line}
    wanted = {n: f"{line.partition('# E: ')[2]}]" for n, line in enumerate(SAMPLE.splitlines(), 1) if "# E: " in line}
    assert lines == wanted, ran.stdout
    assert "nasty_models.py" not in ran.stdout
    linted = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--target-version", "py313", "nasty_models.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout


SAMPLE = """
from typing import assert_type

from nasty_models import Account, AccountChange, AccountNew, Account_Mood
from isthmus.core import Session
from isthmus.core.models import Masked, ModelPage, Ref


async def sample(session: Session) -> None:
    found = await session.get("crm", Account, "1")
    assert_type(found.Mood, Account_Mood | str | None)
    assert_type(found.Fnumber, float | Ref | Masked | None)
    assert_type(found.class___, str | None)
    assert_type(await session.query("crm", Account), ModelPage[Account])
    made = AccountNew(Name="n", Mood="bad", class___="class", Fstring=Ref("ref_1"))
    await session.create("crm", Account, made)
    await session.update("crm", Account, "1", AccountChange(Mood=None))
    AccountNew(Mood="bad")  # E: call-arg
    AccountNew(Name="n", Mood="ugly")  # E: arg-type
    AccountNew(Name=Ref("ref_1"))  # E: arg-type
    found.Nmae  # E: attr-defined
"""


def test_what_moved_is_told_by_name():
    one = ObjectShape(
        "Account", "Account", (FieldShape("Age", types=frozenset({FieldType.INTEGER})), FieldShape("Old"), MOOD)
    )
    fields = (
        replace(one.fields[0], types=frozenset({FieldType.NUMBER})),
        FieldShape("Young"),
        replace(MOOD, choices=("bad", "fine")),
    )
    two = replace(one, fields=fields)
    assert list(moved(text_of(one), text_of(two, ObjectShape("Case", "", (FieldShape("Name"),))))) == [
        "Account.Age was int | None, is float | None",
        "Account.Old is gone",
        "Account.Young is new",
        "AccountChange.Age was int | None, is float | None",
        "AccountChange.Old is gone",
        "AccountChange.Young is new",
        "AccountNew.Age was int | None, is float | None",
        "AccountNew.Old is gone",
        "AccountNew.Young is new",
        "Account_Mood: +'fine' -'good'",
        "Case is new",
        "CaseChange is new",
        "CaseNew is new",
    ]


MOOD = FieldShape("Mood", types=frozenset({FieldType.CHOICE}), choices=("bad", "good"))


@pytest.mark.parametrize("text", ["", "class", "\x00", "import os"])
def test_any_file_can_be_compared(text: str):
    assert list(moved(text, text_of(ObjectShape("Account", "", (MOOD,)))))


def test_a_record_that_cannot_be_made_or_changed_has_no_class_for_it():
    fixed = FieldShape("Name", createable=False, updateable=False)
    module = loaded(text_of(ObjectShape("Account", "", (fixed,))))
    assert hasattr(module, "Account")
    assert not hasattr(module, "AccountNew")
    assert not hasattr(module, "AccountChange")


def test_a_field_that_never_arrives_is_not_asked_for_and_may_be_written():
    hidden = FieldShape("Diagnosis", forms=frozenset({Form.DROP}))
    module = loaded(text_of(ObjectShape("Account", "", (FieldShape("Name"), hidden))))
    assert set(module.Account.model_fields) == {"Name"}
    assert "Diagnosis" in module.AccountNew.model_fields


def test_a_field_does_not_hide_the_type_of_another_ones_choices():
    one = FieldShape("Account_name", types=frozenset({FieldType.CHOICE}), choices=("x",), restricted=True)
    module = loaded(text_of(ObjectShape("Account", "", (one, replace(one, name="name", choices=("y",))))))
    assert module.AccountNew(Account_name="x", name="y").name == "y"
    with pytest.raises(ValidationError):
        module.AccountNew(name="x")
