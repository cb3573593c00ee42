# SPDX-License-Identifier: Apache-2.0
# Adds up numbers in four processes: a program may have children, up to its limit of processes.
#     rcectl run examples/processes.py
from multiprocessing import Pool


def total(part):
    return sum(range(part * 250_000, (part + 1) * 250_000))


if __name__ == "__main__":
    with Pool(4) as pool:
        print(sum(pool.map(total, range(4))))
