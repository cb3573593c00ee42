# SPDX-License-Identifier: Apache-2.0
# What stands above each attempt of test_hostile.py.
import ctypes
import errno
import fcntl
import os
import signal
import socket
import stat
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

# on x86_64, on aarch64
NUMBERS = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "capset": (126, 91),
    "chroot": (161, 51), "clock_settime": (227, 112), "clone": (56, 220), "clone3": (435, 435),
    "delete_module": (176, 106), "fanotify_init": (300, 262), "finit_module": (313, 273), "fsopen": (430, 430),
    "init_module": (175, 105), "io_setup": (206, 0), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425), "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104),
    "keyctl": (250, 219), "mbind": (237, 235), "memfd_secret": (447, 447), "migrate_pages": (256, 238),
    "mknodat": (259, 33), "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429),
    "move_pages": (279, 239), "name_to_handle_at": (303, 264), "nothing": (9999, 9999),
    "open_by_handle_at": (304, 265), "open_tree": (428, 428), "perf_event_open": (298, 241),
    "personality": (135, 92), "pidfd_getfd": (438, 438), "pidfd_open": (434, 434), "pivot_root": (155, 41),
    "prlimit64": (302, 261), "process_madvise": (440, 440), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60), "reboot": (169, 142),
    "request_key": (249, 218), "sethostname": (170, 161), "setns": (308, 268), "setresuid": (117, 147),
    "settimeofday": (164, 170), "statmount": (457, 457), "swapoff": (168, 225), "swapon": (167, 224),
    "sync": (162, 81), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97), "userfaultfd": (323, 282),
    "vhangup": (153, 58), "vmsplice": (278, 75),
}


def syscall(name, *arguments):
    """"allowed" or the name of the error."""
    number = NUMBERS[name][os.uname().machine == "aarch64"]
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    r = libc.syscall(ctypes.c_long(number), *converted)
    return "allowed" if r >= 0 else errno.errorcode[ctypes.get_errno()]


def attempt(function, *arguments):
    """The same of a call of Python's."""
    try:
        function(*arguments)
        return "allowed"
    except OSError as e:
        return errno.errorcode[e.errno]


def read(path):
    with open(path, "rb") as f:
        return f.read(1)


def write(path):
    with open(path, "wb", buffering=0) as f:
        f.write(b"x")


def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(5)
        s.connect(address)


def send(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", address)


