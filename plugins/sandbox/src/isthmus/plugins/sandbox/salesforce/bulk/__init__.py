"""How does the org load and unload rows in bulk, by Bulk API 2.0 and by the older one?"""

from .classic import answer_classic, classic_token, refuse_classic
from .jobs import Jobs
from .routes import ROUTES

__all__ = ["ROUTES", "Jobs", "answer_classic", "classic_token", "refuse_classic"]
