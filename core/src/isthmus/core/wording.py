"""How is a text of unknown origin shown so that it cannot mislead?"""

import unicodedata

__all__ = ["visible"]


def visible(text: str) -> str:
    """Escape control, bidirectional and other invisible characters."""
    return "".join(
        char if unicodedata.category(char)[0] not in "CZ" or char == " " else f"\\u{ord(char):04x}" for char in text
    )
