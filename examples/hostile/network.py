# SPDX-License-Identifier: Apache-2.0
# Looks for a way out, by an address and by a name. There is no network in the sandbox, only a loopback device.
#     rcectl run --local --lint off examples/hostile/network.py
import socket

# the address is one reserved for documentation, the name for tests
for host in "192.0.2.1", "example.test":
    try:
        socket.create_connection((host, 80), timeout=3)
        print(f"{host}: connected")
    except OSError as e:
        print(f"{host}: {e}")
