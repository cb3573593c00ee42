# SPDX-License-Identifier: Apache-2.0
# Never ends and ignores every polite signal.
#     rcectl run --time 1s examples/hostile/endless.py
import signal

for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
    signal.signal(number, signal.SIG_IGN)
print("try to stop me", flush=True)
while True:
    pass
