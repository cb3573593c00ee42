# SPDX-License-Identifier: Apache-2.0
# Looks for a way out. There is no network in the sandbox, only a loopback device.
#     rcectl run --lint off examples/hostile/network.py
import socket

print("interfaces:", [name for _, name in socket.if_nameindex()])
# an address reserved for documentation
socket.create_connection(("192.0.2.1", 80), timeout=3)
