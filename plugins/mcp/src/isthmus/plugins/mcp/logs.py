"""Where do log lines go, and what may they hold? To stderr, with the call they belong to, and without secrets."""

import logging
import sys
from contextvars import ContextVar

from isthmus.core.credentials import Redactor

__all__ = ["CORRELATION", "log_to_stderr"]

CORRELATION: ContextVar[str] = ContextVar("isthmus_mcp_correlation", default="-")
"""The id of the request being answered; an internal error names it to the caller and nothing else."""


class _Correlated(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.correlation = CORRELATION.get()
        return True


def log_to_stderr() -> None:
    """Send our lines from INFO and everybody else's from WARNING to stderr; stdout belongs to the protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Correlated())
    handler.addFilter(Redactor())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s [%(correlation)s] %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("isthmus").setLevel(logging.INFO)
