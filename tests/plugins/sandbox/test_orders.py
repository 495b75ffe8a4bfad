"""A house that is written with landscapes has an ERP system, and every system beside it stays as it was."""

from pathlib import Path

from isthmus.core import load_config
from isthmus.plugins.sandbox import Sandbox, write_house


def test_says_how_the_landscapes_are_reached(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write_house(tmp_path / "house", sandbox.salesforce, sandbox.servicenow, sandbox.sap)
    config = load_config(path)
    assert set(config.file.systems) == {"crm", "itsm", "erp"}
    assert config.file.systems["erp"].connections == ["erp-eu", "erp-us"]
    assert (path.parent / "erp-eu.secret").read_text() == sandbox.sap["eu"].password("integration")
    without = write_house(tmp_path / "other", sandbox.salesforce)
    assert "erp" not in without.read_text()
