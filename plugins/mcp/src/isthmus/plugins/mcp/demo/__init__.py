"""Tell the main story end to end: a sandbox, a server, an agent, and everything that can go wrong."""

from .command import demo

__all__ = ["demo"]
