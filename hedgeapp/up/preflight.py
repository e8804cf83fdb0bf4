"""Preflight: hand over to a Python that is new enough, in words that any Python understands.

No function, annotation or formatted string here: an old Python must be able to read this file in order to refuse it.
"""

import os
import platform
import runpy
import subprocess
import sys

OLDEST = (3, 11)
NAMES = ("python3.13", "python3.12", "python3.11", "python3.14")
bootstrap = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap.py")

if sys.version_info[:2] >= OLDEST:
    runpy.run_path(bootstrap, run_name="__main__")
else:
    silence = open(os.devnull, "w")  # noqa: SIM115
    for name in NAMES:
        try:
            works = subprocess.call([name, "-c", "pass"], stdout=silence, stderr=silence) == 0
        except OSError:
            works = False
        if works:
            os.execvp(name, [name, bootstrap] + sys.argv[1:])  # noqa: RUF005
    sys.exit(
        "Python 3.11 or newer is needed; found only "
        + platform.python_version()
        + " ("
        + sys.executable
        + "): install python3.11, or name another one with 'make PYTHON=/path/to/python3.11'."
    )
