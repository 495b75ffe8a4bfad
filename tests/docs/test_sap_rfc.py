"""Is the page about SAP over RFC true: are its settings taken?"""

import re
import tomllib
from pathlib import Path

from isthmus.connectors.sap.rfc.settings import SapRfcSettings

PAGE = Path(__file__).parents[2] / "docs/connectors/sap-rfc.md"


def test_the_settings_are_taken():
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    connection = tomllib.loads(text)["connections"]["erp-eu"]
    settings = SapRfcSettings.model_validate(connection["settings"])
    assert settings.units == {"order_and_change": ["BAPI_SALESORDER_CREATEFROMDAT2", "BAPI_SALESORDER_CHANGE"]}
    assert connection["connector"] == "sap_rfc"
