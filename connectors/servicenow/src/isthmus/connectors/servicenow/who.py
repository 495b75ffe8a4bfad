"""By which query does an instance tell whose login this is?"""

__all__ = ["WHO"]

WHO = "sys_id=javascript:gs.getUserID()"
"""The one query with a script that leaves. It is ours, word for word, and holds no value."""
