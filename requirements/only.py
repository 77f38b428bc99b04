"""Print some packages of a lock file with their hashes: `only.py LOCK NAME...`."""

import re
import sys
from pathlib import Path

lock, *names = sys.argv[1:]
entries = re.findall(r"^[a-z0-9].*(?:\n    .*)*", Path(lock).read_text(), re.M)
found = {re.split(r"[=\[ ;]", entry)[0]: entry for entry in entries}
if missing := [name for name in names if name not in found]:
    sys.exit(f"not in {lock}: {', '.join(missing)}")
sys.stdout.write("\n".join(found[name] for name in names) + "\n")
