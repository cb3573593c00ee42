# SPDX-License-Identifier: Apache-2.0
# Prints a line every quarter of a second, to show that output arrives while the program runs.
#     rcectl run examples/hello.py
import platform
import time

print(f"Hello from Python {platform.python_version()}")
for i in range(1, 5):
    time.sleep(0.25)
    print(f"line {i} of 4", flush=True)
