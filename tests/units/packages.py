#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packages.py SOURCE BUILD: each path meson installs belongs to exactly one Debian package, and no line of the
packages' lists is there for nothing."""
import fnmatch
import json
import sys
from pathlib import Path

source, build = Path(sys.argv[1]), Path(sys.argv[2])


def introspect(what):
    return json.loads((build / f"meson-info/intro-{what}.json").read_text())


options = {option["name"]: option["value"] for option in introspect("buildoptions")}
if options["prefix"] != "/usr" or options["sysconfdir"] != "/etc" or not options["docs"]:
    print("skipped: the packages are made with prefix=/usr, sysconfdir=/etc and docs=true, this build is not")
    sys.exit(77)

installed = {path.lstrip("/") for path in introspect("installed").values()}


def patterns_of(path):
    # of several words in a line the last one is where the others go
    lines = [line.split() for line in path.read_text().splitlines()]
    return [word for words in lines for word in (words[:-1] or words)]


def covers(pattern, path):
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, pattern + "/*")


lists = {path.stem: patterns_of(path) for path in sorted((source / "packaging/debian").glob("*.install"))}
errors = []
for path in sorted(installed):
    owners = [package for package, patterns in lists.items() if any(covers(p, path) for p in patterns)]
    if len(owners) != 1:
        errors.append(f"/{path} belongs to {' and '.join(owners) or 'no package'}")
for package, patterns in lists.items():
    errors += [f"{package}.install: nothing is installed as {p}" for p in patterns
               if not any(covers(p, path) for path in installed)]

print("\n".join(errors) or f"{len(installed)} paths in {len(lists)} packages")
sys.exit(1 if errors else 0)
