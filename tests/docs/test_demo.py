"""Does the demo do everything that it tells, in the time that the README promises?"""

import json
import subprocess
import sys

import pytest


@pytest.mark.timeout(150)
def test_the_demo_tells_the_whole_story():
    code = "import sys; from isthmus.core.cli import main; sys.exit(main(['demo', '--json-output']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=140)
    told = json.loads(done.stdout)
    assert done.returncode == 0, told
    assert told["ok"] is True
    assert told["seconds"] < 60
    assert len(told["scenes"]) == 14
    called = {call.split()[1] for scene in told["scenes"] for call in scene["calls"]}
    assert called == {"hr", "erp", "itsm", "access", "crm"}
