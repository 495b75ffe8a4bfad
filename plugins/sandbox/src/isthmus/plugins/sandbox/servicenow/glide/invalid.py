"""What is thrown where a part of a query makes no sense here?"""


class Invalid(Exception):
    """A part of a query with an unknown field, operator or value; the platform leaves such parts out."""
