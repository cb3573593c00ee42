# SPDX-License-Identifier: Apache-2.0
# Looks around in the file system, and tries to write where it must not.
#     rcectl run examples/hostile/files.py
from pathlib import Path

print("home directories:", [str(p) for p in Path("/home").iterdir()])
print("users:", sum(1 for _ in open("/etc/passwd")), "of the image, none of the host")
for name in "/work/scratch", "/etc/scratch":
    try:
        Path(name).write_text("mine")
        print(f"{name}: written, gone when the program ends")
    except OSError as e:
        print(e)
