"""Serve a gateway's tools over the Model Context Protocol, revisions 2026-07-28 and 2025-11-25."""

from isthmus.core.plugins import CommandDetails, hookimpl

__all__ = ["isthmus_commands"]


@hookimpl
def isthmus_commands(details: CommandDetails) -> None:
    """Register `isthmus serve` and `isthmus demo`."""
    # By name here, not in the module: `serve` and `demo` are also parts of this package.
    from isthmus.plugins.mcp.command import serve
    from isthmus.plugins.mcp.demo import demo

    details.register("serve", serve)
    details.register("demo", demo)
