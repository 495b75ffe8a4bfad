"""How is the demo told on a terminal, and how does it end?"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

__all__ = ["demo"]


def demo(*, keep: Path | None = None, json_output: bool = False) -> None:
    """Play the main story: a sandbox, a server, an agent, and everything that can go wrong.

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
    console.print("[bold]isthmus demo[/bold]  one logical CRM held in an EU and a US org; the model runs in the US\n")
    try:
        async with set_stage(folder) as stage:
            try:
                for number, scene in enumerate(SCENES, 1):
                    console.print(f"[bold]{number:2}  {scene.title}[/bold]")
                    shown = await scene.play(stage)
                    told.append({"scene": scene.title, "lines": shown.lines, "table": shown.table})
                    _show(console, shown.lines, shown.table)
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


def _show(console: Console, lines: list[str], table: list[tuple[str, ...]]) -> None:
    if table:
        grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for heading in table[0]:
            grid.add_column(heading, overflow="fold")
        for row in table[1:]:
            grid.add_row(*row)
        console.print(Padding(grid, (0, 0, 0, 4)))
    ticks = Table.grid(padding=(0, 1, 0, 0))
    for line in lines:
        ticks.add_row("[green]✓[/green]", escape(line))
    console.print(Padding(ticks, (0, 0, 1, 4)))
