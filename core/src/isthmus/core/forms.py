"""Which of the forms that the flow rules leave fits a field?"""

from isthmus.core.connector import FieldFacts
from isthmus.residency import Form

__all__ = ["fitting"]


def fitting(form: Form, facts: FieldFacts, masked: frozenset[str]) -> Form:
    """Narrow a form: what policy wants masked, and refs to so few values that comparing them would tell which."""
    if facts.name in masked:
        form = min(form, Form.MASK)
    return Form.MASK if form is Form.REF and facts.enumerable else form
