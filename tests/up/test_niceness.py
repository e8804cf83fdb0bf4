"""Standing back: by niceness, and by the session's where Linux shares the processors among sessions."""

import subprocess
import sys
from pathlib import Path

import pytest

GROUP = Path("/proc/self/autogroup")
SAID = "import os\nfrom pathlib import Path\ngroup = Path('/proc/self/autogroup')\n"
SAID += "print(os.nice(0), *(group.read_text().split()[-1:] if group.exists() else ()))\n"


def said(tmp_path: Path, *, session: bool) -> list[str]:
    script = tmp_path / "said.py"
    script.write_text(SAID)
    command = [sys.executable, "-m", "hedgeapp.niceness", "7", str(script)]
    done = subprocess.run(command, start_new_session=session, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(not GROUP.exists(), reason="this Linux has no groups of sessions")
def test_who_leads_a_session_takes_it_along(tmp_path: Path) -> None:
    assert said(tmp_path, session=True) == ["7", "7"]


def test_who_shares_a_session_stands_back_alone(tmp_path: Path) -> None:
    found = said(tmp_path, session=False)
    assert found[0] == "7"
    assert found[1:] == (GROUP.read_text().split()[-1:] if GROUP.exists() else [])  # empty: of no session's group
