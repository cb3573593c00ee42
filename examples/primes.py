# SPDX-License-Identifier: Apache-2.0
# Counts the primes below its argument, and so uses processor time and memory.
#     rcectl run examples/primes.py -- 2000000
import sys

limit = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
sieve = bytearray([1]) * limit
sieve[:2] = bytes(len(sieve[:2]))
for i in range(2, int(limit**0.5) + 1):
    if sieve[i]:
        sieve[i * i :: i] = bytes(len(range(i * i, limit, i)))
print(f"{sum(sieve)} primes below {limit}")
