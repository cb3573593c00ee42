#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""catalog.py SOURCE: each message id of ours has its entry in the catalog, none is there for nothing, and journalctl can
read it."""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

source = Path(sys.argv[1])
ids = re.findall(r'^#define (MESSAGE_ID_\w+) "([0-9a-f]{32})"$', (source / "src/shared/message-id.h").read_text(), re.M)
text = (source / "catalog/rce.catalog").read_text()
entries = re.findall(r"^-- ([0-9a-f]{32})\nSubject: \S.*\nDefined-By: rce-engine\n\n\S", text, re.M)

errors = [f"{name} is not in the catalog" for name, number in ids if number not in entries]
errors += [f"nobody says {number}" for number in entries if number not in [n for _, n in ids]]
if len(set(entries)) != len(entries) or len(entries) != text.count("\n-- ") or not ids:
    errors.append("an entry is there twice, or is not one")

used = "".join(p.read_text() for p in (source / "src").glob("*/*.c"))
errors += [f"{name} is never used" for name, _ in ids if not re.search(rf"\b{name}\b", used)]

if shutil.which("journalctl"):
    with tempfile.TemporaryDirectory() as root:
        place = Path(root, "usr/lib/systemd/catalog")
        place.mkdir(parents=True)
        Path(root, "var/lib/systemd/catalog").mkdir(parents=True)
        shutil.copy(source / "catalog/rce.catalog", place)
        for arguments in (["--update-catalog"], ["--list-catalog"]):
            result = subprocess.run(["journalctl", f"--root={root}", *arguments], capture_output=True, text=True, timeout=30)
            if result.returncode:
                errors.append(f"journalctl {arguments[0]}: {result.stderr}")
        errors += [f"journalctl does not know {n}" for n in entries if n not in result.stdout]

print("\n".join(errors) or f"{len(entries)} messages")
sys.exit(1 if errors else 0)
