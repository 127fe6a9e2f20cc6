"""Runs a command: `measure.py COMMAND...` prints its wall milliseconds and the peak memory of it and its children.
What the command prints goes to standard error."""

import resource
import subprocess
import sys
import time

from common import emit

start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode
ms = 1000 * (time.perf_counter() - start)
if code != 0:
    sys.exit(f"`{' '.join(sys.argv[1:])}` failed with exit code {code}")
emit(ms=ms, peak_mib=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
