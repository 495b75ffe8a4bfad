"""How is the demo told on a terminal, and how does it end?"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table

if TYPE_CHECKING:
    from isthmus.plugins.mcp.demo.telling import Told

__all__ = ["demo"]

OPENING = (
    "[bold]isthmus demo[/bold]\n"
    "Kessmar, a made-up company, keeps its people in Workday, its money in SAP, its tickets in ServiceNow and its "
    "customers in Salesforce, each with a home in the EU and one in the US. An agent works on all of them over MCP; "
    "its model runs in the US. What it gets of somebody in Germany are refs, such as ref_x7kq2m5n.\n"
)


def demo(*, keep: Path | None = None, json_output: bool = False) -> None:
    """Play the main story: five systems of a made-up company, a server, an agent, and what can go wrong.

    It exits with 1 if anything that it tells did not happen.

    Args:
        keep: Leave the configuration, the state and the log in this folder.
        json_output: Print one JSON document instead of the story.
    """
    if keep is not None:
        sys.exit(asyncio.run(_play(keep, json_output=json_output)))
    with tempfile.TemporaryDirectory(prefix="isthmus-demo-") as folder:
        sys.exit(asyncio.run(_play(Path(folder), json_output=json_output)))


async def _play(folder: Path, *, json_output: bool) -> int:
    from isthmus.plugins.mcp.demo.scenes import SCENES
    from isthmus.plugins.mcp.demo.stage import Failed, set_stage

    console = Console(highlight=False, quiet=json_output)
    told: list[dict[str, object]] = []
    began = time.monotonic()
    console.print(OPENING)
    try:
        async with set_stage(folder) as stage:
            try:
                for number, scene in enumerate(SCENES, 1):
                    if scene.act:
                        console.print(Rule(f"[bold]{scene.act}[/bold]", align="left", style="dim"), "")
                    console.print(f"[bold]{number:2}  {scene.title}[/bold]")
                    stage.calls.clear()
                    shown = await scene.play(stage)
                    calls = list(dict.fromkeys(stage.calls))
                    told.append({"scene": scene.title, "calls": calls, "lines": shown.lines, "table": shown.table})
                    _show(console, calls, shown)
            except Failed as failure:
                # Caught here, because the client's task group would wrap it.
                told.append(_broke_off(console, failure))
    except Failed as failure:
        told.append(_broke_off(console, failure))
    took = time.monotonic() - began
    good = len(told) == len(SCENES) and "failed" not in told[-1]
    verdict = "[bold green]Everything happened as told" if good else "[bold red]The story broke off"
    console.print(f"{verdict}[/]  ({took:.0f} s)")
    if json_output:
        sys.stdout.write(json.dumps({"ok": good, "seconds": round(took, 1), "scenes": told}, ensure_ascii=False) + "\n")
    return 0 if good else 1


def _broke_off(console: Console, failure: Exception) -> dict[str, object]:
    console.print(f"    [bold red]✗[/bold red] {escape(str(failure))}")
    return {"failed": str(failure)}


def _show(console: Console, calls: Sequence[str], shown: "Told") -> None:
    if calls:
        console.print(Padding(escape("agent: " + "; ".join(calls)), (0, 0, 0, 4)), style="dim")
    if shown.table:
        grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for heading in shown.table[0]:
            grid.add_column(heading, overflow="fold")
        for row in shown.table[1:]:
            grid.add_row(*(escape(cell) for cell in row))
        console.print(Padding(grid, (0, 0, 0, 4)))
    ticks = Table.grid(padding=(0, 1, 0, 0))
    for line in shown.lines:
        ticks.add_row("[green]✓[/green]", escape(line))
    console.print(Padding(ticks, (0, 0, 1, 4)))
