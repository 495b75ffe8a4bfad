"""Which commands does an operator have? `isthmus --help` lists them; every one takes `--config` and `--json`."""

from isthmus.core.cli.app import main

__all__ = ["main"]
