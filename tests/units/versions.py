#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""versions.py SOURCE VERSION: meson, the Debian changelog, npm's two files and NEWS.md name one version."""
import json
import re
import sys
from pathlib import Path

source, version = Path(sys.argv[1]), sys.argv[2]

changelog = (source / "packaging/debian/changelog").read_text().split("\n", 1)[0]
news = next(line for line in (source / "NEWS.md").read_text().splitlines() if line.startswith("## "))
lock = json.loads((source / "package-lock.json").read_text())

found = {
    "packaging/debian/changelog": re.fullmatch(r"rce-engine \(([^)]+)\) .*", changelog).group(1),
    "package.json": json.loads((source / "package.json").read_text())["version"],
    "package-lock.json": lock["version"],
    "package-lock.json, packages": lock["packages"][""]["version"],
    "NEWS.md": re.fullmatch(r"## (\S+).*", news).group(1),
}
wrong = {name: value for name, value in found.items() if value != version}
for name, value in wrong.items():
    print(f"{name} says {value}, meson.build {version}")
sys.exit(1 if wrong else 0)
