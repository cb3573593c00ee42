# SPDX-License-Identifier: Apache-2.0
# Forks without end. It gets as many processes as its limit says, and all of them die with it.
#     rcectl run --local --lint off --time 2s examples/hostile/forkbomb.py
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
