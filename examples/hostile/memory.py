# SPDX-License-Identifier: Apache-2.0
# Takes memory without end. Its own limit ends it, not the host's.
#     rcectl run examples/hostile/memory.py
taken = []
while True:
    taken.append(bytearray(16 << 20))
    print(f"{len(taken) * 16} MiB", flush=True)
