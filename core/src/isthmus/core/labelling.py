"""Which label does a value get?"""

from isthmus.core.facts import Action, ObjectFacts
from isthmus.core.metadata import FieldPath
from isthmus.residency import Integrity, Label

__all__ = ["answer_label", "anything", "label_of"]


def label_of(path: FieldPath, country: str, connection: str) -> Label:
    """Label a value by its field and its subject's country; free text is untrusted: anybody may have written it."""
    facts = path.facts
    trusted = Integrity.UNTRUSTED if "free_text" in facts.classes else Integrity.TRUSTED
    countries = (country,) if country or path.object.person else ()
    return Label.of(facts.classes, countries, (connection,), trusted, person=path.object.person)


def answer_label(action: Action, facts: ObjectFacts, connection: str) -> Label:
    """Label what an action answers by the classes that it declares; whose data that is, nobody knows."""
    return Label.of(action.classes, (), (connection,), Integrity.UNTRUSTED, person=facts.person)


def anything(connection: str) -> Label:
    """Label what could be anything about anybody: a class that nobody knows concerns every rule."""
    return Label.of(("anything",), (), (connection,), Integrity.UNTRUSTED, person=True)
