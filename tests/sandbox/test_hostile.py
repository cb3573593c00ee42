# SPDX-License-Identifier: Apache-2.0
"""Attempts at everything a program must not do. The linter is off in most: it is never what holds them."""

import platform
import re
import socket
import subprocess
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from conftest import Rcectl
from engine import EXIT_REJECTED, PROGRAMS
from table import ANY, Program, check, rows, run_and_check

OFF = ("--lint", "off")
PRELUDE = (PROGRAMS / "attempt.py").read_text()


@dataclass(frozen=True)
class Attempt:
    name: str
    expression: str
    answer: str


def refused(answer, *expressions):
    return [Attempt(re.sub(r"\W+", "-", e).strip("-"), e, answer) for e in expressions]


# The answer is the filter's where arguments would have got another one from the kernel.
SYSTEM_CALLS = [
    *refused(
        "EPERM",
        "syscall('mount', b'none', b'/tmp', b'tmpfs', 0, 0)",
        "syscall('mount', b'/etc', b'/tmp', b'', 4096, 0)",
        "syscall('umount2', b'/work', 2)",
        "syscall('umount2', b'/proc/keys', 2)",
        "syscall('unshare', 0x10000000)",  # user namespace
        "syscall('unshare', 0x00020000)",  # mount namespace
        "syscall('unshare', 0x40000000)",  # net namespace
        "syscall('unshare', 0x400)",  # descriptors only: not worth a rule of its own
        "syscall('clone', 0x10000000 | 17, 0, 0, 0, 0)",
        "syscall('clone', 0x20000000 | 17, 0, 0, 0, 0)",
        "syscall('clone', 0x7e020000 | 17, 0, 0, 0, 0)",
        "syscall('clone', (1 << 40) | 0x10000000 | 17, 0, 0, 0, 0)",  # what is above 32 bits hides nothing
        "syscall('setns', os.open('/proc/self/ns/user', os.O_RDONLY), 0)",
        "syscall('setns', -1, 0)",
        "syscall('chroot', b'/work')",
        "syscall('pivot_root', b'/work', b'/work')",
        "syscall('move_mount', -1, b'', -1, b'/', 0)",
        "syscall('open_tree', -100, b'/', 1)",
        "syscall('fsopen', b'tmpfs', 0)",
        "syscall('mount_setattr', -100, b'/', 0, 0, 0)",
        "syscall('quotactl', 0, 0, 0, 0)",
        "syscall('swapon', b'/work/main.py', 0)",
        "syscall('swapoff', b'/work/main.py')",
        "syscall('ptrace', 0, 0, 0, 0)",  # of itself by its parent
        "syscall('ptrace', 16, 1, 0, 0)",
        "syscall('ptrace', 16, os.getppid(), 0, 0)",
        "syscall('ptrace', 0x4206, 1, 0, 0)",
        "syscall('process_vm_readv', 1, 0, 0, 0, 0, 0)",
        "syscall('process_vm_writev', 1, 0, 0, 0, 0, 0)",
        "syscall('process_madvise', -1, 0, 0, 0, 0)",
        "syscall('kcmp', 1, 1, 0, 0, 0)",
        "syscall('pidfd_getfd', os.pidfd_open(1), 3, 0)",
        "syscall('prlimit64', 1, 0, 0, 0)",
        "syscall('move_pages', 1, 0, 0, 0, 0, 0)",
        "syscall('migrate_pages', 1, 0, 0, 0)",
        "syscall('bpf', 0, 0, 0)",
        "syscall('perf_event_open', 0, 0, -1, -1, 0)",
        "syscall('fanotify_init', 0, 0)",
        "syscall('userfaultfd', 1)",
        "syscall('memfd_secret', 0)",
        "syscall('vmsplice', 1, 0, 0, 0)",
        "syscall('keyctl', 0, -3, 0)",
        "syscall('add_key', b'user', b'a', b'b', 1, -3)",
        "syscall('request_key', b'user', b'a', 0, -3)",
        "syscall('kexec_load', 0, 0, 0, 0)",
        "syscall('kexec_file_load', -1, -1, 0, 0, 0)",
        "syscall('init_module', 0, 0, b'')",
        "syscall('finit_module', -1, b'', 0)",
        "syscall('delete_module', b'loop', 0)",
        "syscall('reboot', 0xfee1dead, 672274793, 0x1234567, 0)",
        "syscall('syslog', 3, 0, 0)",
        "syscall('acct', 0)",
        "syscall('sethostname', b'mine', 4)",
        "syscall('settimeofday', 0, 0)",
        "syscall('clock_settime', 0, 0)",
        "syscall('adjtimex', 0)",
        "syscall('vhangup')",
        "syscall('sync')",
        "syscall('name_to_handle_at', -100, b'/', 0, 0, 0)",
        "syscall('open_by_handle_at', -1, 0, 0)",
        "syscall('personality', 0x0040000)",  # no randomised addresses
        "syscall('personality', (1 << 40) | 0x0040000)",
        "syscall('mknodat', -100, b'/work/disk', stat.S_IFBLK | 0o666, os.makedev(8, 0))",
        "syscall('mknodat', -100, b'/work/null', stat.S_IFCHR | 0o666, os.makedev(1, 3))",
        "syscall('capset', 0, 0)",
        "syscall('setresuid', 0, 0, 0)",
        "attempt(os.setuid, 0)",
        "attempt(os.setgid, 0)",
        "attempt(os.setgroups, [0])",
        "attempt(os.setreuid, 0, 0)",
        "attempt(fcntl.ioctl, 0, 0x5412, b'x')",  # TIOCSTI
    ),
    *refused(
        "ENOSYS",
        "syscall('clone3', 0, 0)",
        "syscall('io_uring_setup', 8, 0)",
        "syscall('io_uring_enter', -1, 0, 0, 0, 0)",
        "syscall('io_uring_register', -1, 0, 0, 0)",
        "syscall('io_setup', 1, 0)",
        "syscall('mbind', 0, 0, 0, 0, 0, 0)",
        "syscall('statmount', 0, 0, 0, 0)",
        "syscall('nothing')",
        "attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW, 255)",
    ),
    *refused(
        "EAFNOSUPPORT",
        "attempt(socket.socket, socket.AF_PACKET, socket.SOCK_DGRAM)",
        "attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW)",
        "attempt(socket.socket, socket.AF_ALG, socket.SOCK_SEQPACKET)",
        "attempt(socket.socket, socket.AF_BLUETOOTH, socket.SOCK_RAW)",
        "attempt(socket.socket, socket.AF_VSOCK, socket.SOCK_STREAM)",
        "attempt(socket.socket, 45, socket.SOCK_DGRAM)",  # a family the kernel would load a module for
    ),
    Attempt("raw-socket", "attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)", "EPERM"),
]

NETWORK = [
    *refused(
        "ENETUNREACH",
        "attempt(connect, socket.AF_INET, ('10.0.0.1', 80))",
        "attempt(connect, socket.AF_INET, ('169.254.169.254', 80))",
        "attempt(connect, socket.AF_INET6, ('2001:db8::1', 80))",
        "attempt(send, ('10.0.0.1', 53))",
        "attempt(send, ('255.255.255.255', 9))",
    ),
    *refused("ECONNREFUSED", "attempt(connect, socket.AF_INET, ('127.0.0.1', 22))",
             "attempt(connect, socket.AF_INET6, ('::1', 22))"),
    *refused(
        "ENOENT",
        "attempt(connect, socket.AF_UNIX, '/run/dbus/system_bus_socket')",
        "attempt(connect, socket.AF_UNIX, '/run/systemd/private')",
        "attempt(connect, socket.AF_UNIX, '/run/systemd/notify')",
        "attempt(connect, socket.AF_UNIX, os.environ.get('NOTIFY_SOCKET', '/run/notify/notify.sock'))",
    ),
    Attempt("interfaces", "[name for _, name in socket.if_nameindex()] if attempt(socket.if_nameindex) == 'allowed' "
            "else [line.split(':')[0].strip() for line in open('/proc/net/dev').readlines()[2:]]", "['lo']"),
]

FILES = [
    *refused(
        "EACCES",
        "attempt(read, '/proc/1/environ')",
        "attempt(read, '/proc/1/mem')",
        "attempt(read, '/proc/1/maps')",
        "attempt(read, '/proc/1/root/etc/passwd')",
        "attempt(os.listdir, '/proc/1/root')",
        "attempt(os.listdir, '/proc/1/cwd')",
        "attempt(os.listdir, '/proc/1/fd')",
        "attempt(os.listdir, '/proc/1/map_files')",
        "attempt(os.readlink, '/proc/1/exe')",
        "attempt(os.readlink, '/proc/1/ns/mnt')",
        "attempt(os.open, '/proc/1/fd/3', os.O_RDWR)",
        "attempt(read, '/proc/1/stack')",
        "attempt(read, '/proc/1/syscall')",
        "attempt(write, '/proc/1/oom_score_adj')",
        "attempt(read, '/proc/kmsg')",
        "attempt(os.listdir, '/root')",
        "attempt(write, '/root/mine')",
    ),
    *refused(
        "EROFS",
        *(f"attempt(write, '/{path}mine')" for path in ("", "usr/", "usr/bin/", "etc/", "var/tmp/", "run/", "home/")),
        "attempt(write, '/etc/passwd')",
        "attempt(write, '/usr/bin/python3')",
        "attempt(write, '/run/rce-cell')",
        "attempt(os.unlink, '/run/rce-cell')",
        "attempt(os.mkdir, '/sys/fs/cgroup/mine')",
        "attempt(write, '/proc/sys/kernel/core_pattern')",
        "attempt(write, '/proc/sys/kernel/hostname')",
        "attempt(write, '/proc/sys/vm/drop_caches')",
        "attempt(write, '/sys/fs/cgroup/cgroup.procs')",
        "attempt(os.chmod, '/usr/bin/python3', 0o4755)",
    ),
    *refused(
        "ENOENT",
        "attempt(read, '/etc/shadow')",
        "attempt(read, '/../../../etc/shadow')",
        "attempt(os.listdir, '/var/lib/rce-worker')",
        "attempt(os.listdir, '/run/user')",
        "attempt(read, '/run/host/os-release')",
        "attempt(os.listdir, '/lib/modules')",
        "attempt(read, '/dev/kmsg')",
        "attempt(read, '/dev/mem')",
        "attempt(read, '/dev/fuse')",
        "attempt(read, '/dev/net/tun')",
        "attempt(read, '/dev/kvm')",
        "attempt(read, '/dev/console')",
    ),
    Attempt("devices", "sorted(set(os.listdir('/dev')) - {'core', 'fd', 'stdin', 'stdout', 'stderr'})",
            "['full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm', 'tty', 'urandom', 'zero']"),
    Attempt("where it may write",
            "sorted(d for d, dirs, _ in os.walk('/') if not d.startswith('/proc') and os.access(d, os.W_OK))",
            "['/dev/mqueue', '/dev/shm', '/tmp', '/work']"),
    Attempt("privileged files",
            "[p for d, _, names in os.walk('/') if not d.startswith('/proc') for p in (d + '/' + n for n in names)"
            " if os.path.lexists(p) and os.lstat(p).st_mode & 0o6000]", "[]"),
    Attempt("set-user-id file of its own", """(os.system('cp /usr/bin/id /work/id && chmod 6755 /work/id'),
        os.popen('/work/id -u').read().strip() == str(os.getuid()), os.getuid() >= 10000)""", "(0, True, True)"),
    Attempt("mounts in work are not followed out", "os.statvfs('/work').f_flag & (os.ST_NOSUID | os.ST_NODEV)", "6"),
]

IDENTITY = [
    Attempt("capabilities", "sorted({l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')})",
            "['0000000000000000']"),
    Attempt("no new privileges, and a filter",
            "[l.split() for l in open('/proc/self/status') if l.startswith(('NoNewPrivs', 'Seccomp:'))]",
            "[['NoNewPrivs:', '1'], ['Seccomp:', '2']]"),
    Attempt("groups", "os.getgroups() in ([], [os.getgid()])", "True"),
    Attempt("hostname", "os.uname().nodename", "sandbox"),
    Attempt("domain name", "open('/proc/sys/kernel/domainname').read().strip() in ('(none)', '')", "True"),
    Attempt("variables", "sorted(os.environ)", "['HOME', 'LANG', 'PATH', 'TMPDIR']"),
    Attempt("processes", "sorted(int(n) for n in os.listdir('/proc') if n.isdigit()) == [1, os.getpid()]", "True"),
    Attempt("descriptors", "os.listdir('/proc/self/fd')[:-1]", "['0', '1', '2']"),
    Attempt("control group", "open('/proc/self/cgroup').read().splitlines()[-1]", "0::/../rce-job-0"),
    Attempt("keys", "open('/proc/keys').read()", ""),
    Attempt("terminal", "attempt(os.open, '/dev/tty', os.O_RDWR)", "ENXIO"),
    Attempt("session of its own", "os.getsid(0) == os.getpid()", "True"),
    Attempt("kills all it can", "attempt(os.kill, -1, signal.SIGKILL)", "ESRCH"),
    Attempt("kills process 1",
            "[attempt(os.kill, 1, n) for n in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGCHLD, 34)]",
            "['allowed', 'allowed', 'allowed', 'allowed', 'allowed']"),  # the kernel lets none of them have an effect
    Attempt("kills processes of the host", "{attempt(os.kill, n, 9) for n in range(2, 40000) if n != os.getpid()}",
            "{'ESRCH'}"),
    Attempt("raises its limits",
            "[syscall('prlimit64', 0, n, (ctypes.c_ulong * 2)(1 << 40, 1 << 40), 0) for n in (0, 1, 4, 6, 7)]",
            "['EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM']"),
    Attempt("becomes more important", "attempt(os.nice, -5)", "EPERM"),
    Attempt("becomes real-time", "attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))", "EPERM"),
]

PROGRAMS_AS_SUCH = [
    Program("forges packets on whatever is open", PRELUDE + """
packet = b"RCE0" + (1).to_bytes(4, "little") + (5).to_bytes(4, "little") + (48).to_bytes(4, "little") + bytes(32)
for fd in range(1024):
    if libc.send(fd, packet, len(packet), 0) >= 0 or ctypes.get_errno() != errno.EBADF:
        print(fd, errno.errorcode[ctypes.get_errno()])
""", stdout="0 ENOTSOCK\n1 ENOTSOCK\n2 ENOTSOCK\n", options=OFF),
    Program("writes to descriptors it was not given", PRELUDE + """
print([fd for fd in [0, *range(3, 21)] if attempt(os.write, fd, b"x") != "EBADF"])
""", stdout="[]\n", options=OFF),
    Program("reads what it wrote to its output", "print(open('/dev/stdout').read(1))", "runtime_error", 1,
            stderr=re.compile("Permission denied")),
    Program("writes its own input", "open('/dev/stdin', 'w')", "runtime_error", 1,
            stderr=re.compile("Permission denied")),
    Program("runs a program out of memory", PRELUDE + """
fd = os.memfd_create("program")
with open("/usr/bin/cat", "rb") as f:
    os.write(fd, f.read())
os.execve(fd, ["cat", "/proc/self/status"], {})
""", stdout=re.compile(r"CapEff:\t0{16}\n(?s:.*)NoNewPrivs:\t1\nSeccomp:\t2\n"), options=OFF),
    Program("is another program again and again", """
import os, sys
n = int(sys.argv[1]) if len(sys.argv) > 1 else 0
if n < 20:
    os.execv("/usr/bin/python3", ["python3", __file__, str(n + 1)])
print(n, os.getpid() > 1)
""", stdout="20 True\n", options=OFF),
    Program("is another program forever", "import os; os.execv('/usr/bin/python3', ['python3', __file__])",
            "time_limit",
            options=(*OFF, "--time", "1s"), seconds=(1, 2)),
    Program("links lead nowhere", PRELUDE + """
os.unlink("/work/main.py")
for target in "/proc/1/environ", "/proc/1/root/etc/shadow", "/run/user", "/../../../etc/shadow", "/work/link":
    os.symlink(target, "/work/link")
    print(attempt(read, "/work/link"))
    os.unlink("/work/link")
os.mkfifo("/work/main.py")
""", stdout="EACCES\nEACCES\nENOENT\nENOENT\nELOOP\n", options=OFF),
    Program("takes its working directory away", """
import os
os.chdir("/")
for path in os.listdir("/work"):
    os.unlink(f"/work/{path}")
try:
    os.rmdir("/work")
except OSError as e:
    print(e.strerror)
""", stdout=re.compile("Device or resource busy|Read-only file system"), options=OFF),
    Program("hides deep directories and odd names", r"""
import os
os.chdir("/work")
os.mkdir(b"\xff\n"); os.mkdir("-rf *")
for _ in range(2000):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
os.chmod("/work/-rf *", 0)
print("made")
""", stdout="made\n", options=OFF),
    Program("other machine's calls", """
import ctypes, mmap
code = bytes.fromhex("b814000000cd80c3")  # getpid by the 32 bit way in
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
""", "signalled", signal="SIGSYS", options=OFF),
    Program("x32 calls", "import ctypes; ctypes.CDLL(None).syscall(ctypes.c_long(0x40000027))", "signalled",
            signal="SIGSYS", options=OFF),
    Program("closes the door to its parent", """
import os, signal
os.kill(os.getppid(), signal.SIGSTOP)
os.kill(os.getppid(), signal.SIGKILL)
print("the supervisor still tells how I end")
os._exit(9) if os.write(1, b"") else os._exit(9)
""", "runtime_error", 9, options=OFF),
    Program("floods process 1 with orphans", """
import os, time
end = time.monotonic() + 1
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            if os.fork() == 0:
                os._exit(0)
            os._exit(0)
        os.wait()
    except OSError:
        pass
os.write(1, b"done\\n")
""", stdout="done\n", options=OFF, seconds=(1, 6)),
    Program("leaves stopped and sleeping processes behind", """
import os, signal
for i in range(8):
    if os.fork() == 0:
        os.setsid()
        os.kill(os.getpid(), signal.SIGSTOP) if i % 2 else signal.pause()
os._exit(6)
""", "runtime_error", 6, options=OFF, seconds=(0, 3)),
    Program("leaves a process that forks on and on", """
import os
if os.fork() == 0:
    os.setsid()
    while True:
        try:
            if os.fork() > 0:
                os._exit(0)
        except OSError:
            pass
os._exit(2)
""", "runtime_error", 2, options=OFF, seconds=(0, 3)),
    Program("keeps its output open in a child", """
import os, signal
if os.fork() == 0:
    signal.pause()
os.write(1, b"first\\n")
""", stdout="first\n", options=OFF, seconds=(0, 3)),
]
if platform.machine() != "x86_64":
    PROGRAMS_AS_SUCH = [p for p in PROGRAMS_AS_SUCH if p.name not in ("other machine's calls", "x32 calls")]

# The same thoughts without what the linter looks for, so that they do run under it.
UNDER_THE_LINTER = [
    Program("reads process 1", """
from pathlib import Path
for name in "environ", "mem", "fd/3", "root/etc/shadow", "maps":
    try:
        print(Path(f"/proc/1/{name}").open("rb").read(1))
    except OSError as e:
        print(e.strerror)
""", stdout="Permission denied\n" * 5),
    Program("reads the host's files", """
from pathlib import Path
for path in "/var/lib/rce-worker", "/run/user", "/etc/rce", "/run/systemd/private", "/usr/bin/rcectl":
    print(Path(path).exists())
try:
    print(open("/etc/shadow").read())
except OSError as e:
    print(e.strerror)
""", stdout="False\n" * 5 + "No such file or directory\n"),
    Program("writes where it must not", """
for path in "/usr/mine", "/etc/passwd", "/proc/sys/kernel/hostname", "/sys/fs/cgroup/cgroup.procs", "/run/mine":
    try:
        print(open(path, "w"))
    except OSError as e:
        print(e.strerror)
""", stdout="Read-only file system\n" * 5),
    Program("sends signals", """
import signal
signal.pthread_kill
import multiprocessing
try:
    signal.raise_signal(signal.SIGTERM)
finally:
    print("never")
""", "signalled", signal="SIGTERM"),
    Program("opens a connection", """
import asyncio
for address in ("127.0.0.1", 22), ("10.0.0.1", 80), ("example.test", 80):
    try:
        asyncio.run(asyncio.open_connection(*address))
    except OSError as e:
        print(type(e).__name__)
""", stdout="ConnectionRefusedError\nOSError\ngaierror\n"),
    Program("leaves a process behind", """
import multiprocessing, time
def stay():
    while True:
        time.sleep(1)
if __name__ == "__main__":
    p = multiprocessing.Process(target=stay)
    p.start()
    print("gone", flush=True)
    import signal
    signal.raise_signal(signal.SIGKILL)
""", "signalled", signal="SIGKILL", stdout="gone\n", seconds=(0, 5)),
    Program("starts processes without end", """
import multiprocessing, time
processes = []
if __name__ == "__main__":
    try:
        while True:
            processes.append(multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)))
            processes[-1].start()
    except OSError as e:
        print(len(processes), e.strerror)
    for p in processes[:-1]:
        p.kill()
""", stdout="64 Resource temporarily unavailable\n"),
]

# What the linter says no to is not run at all.
REJECTED = [
    "import os",
    "import subprocess as s",
    "from os import system",
    "import socket",
    "import ctypes; ctypes.CDLL(None)",
    "__import__('os').system('id')",
    "eval('1')",
    "exec('import os')",
    "import importlib; importlib.import_module('os')",
    "().__class__.__base__.__subclasses__()",
    "getattr(__builtins__, 'ev' + 'al')('1')",
    "import pickle",
    "ｅval('1')",
]


TOGETHER = {"system calls": SYSTEM_CALLS, "network": NETWORK, "files": FILES}


@pytest.fixture(scope="module")
def answers(tmp_path_factory, worker):
    """Of each group what its expressions gave, in one run; each in a process of its own."""
    known = {}

    def of(group):
        if group not in known:
            source = PRELUDE + "for expression in " + repr([a.expression for a in TOGETHER[group]]) + ":" + """
    pid = os.fork()
    if pid == 0:
        print(eval(expression), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
"""
            result = Rcectl(tmp_path_factory.mktemp("attempts")).run(source, *OFF)
            check(Program(group, source, stdout=ANY), result)
            assert worker.is_clean()
            known[group] = result.output().decode().splitlines()
            assert len(known[group]) == len(TOGETHER[group])
        return known[group]

    return of


NUMBERED = [(group, i, attempt) for group, attempts in TOGETHER.items() for i, attempt in enumerate(attempts)]


@pytest.mark.parametrize("group, i", [pytest.param(group, i, id=f"{group}-{a.name}") for group, i, a in NUMBERED])
def test_attempt(answers, group, i):
    assert answers(group)[i] == TOGETHER[group][i].answer


@pytest.mark.parametrize("attempt", [pytest.param(a, id=a.name.replace(" ", "-")) for a in IDENTITY])
def test_identity(rcectl, attempt):
    source = f"{PRELUDE}print({attempt.expression})"
    run_and_check(rcectl, Program(attempt.name, source, stdout=f"{attempt.answer}\n", options=OFF))


@pytest.mark.parametrize("program", rows(PROGRAMS_AS_SUCH))
def test_program(rcectl, program):
    run_and_check(rcectl, program)


@pytest.mark.parametrize("off", [False, True], ids=["linter-on", "linter-off"])
@pytest.mark.parametrize("program", rows(UNDER_THE_LINTER))
def test_with_and_without_the_linter(rcectl, program, off):
    run_and_check(rcectl, replace(program, options=OFF if off else ()))


@pytest.mark.parametrize("source", REJECTED)
def test_rejected_programs_do_not_run(rcectl, source):
    marker = "print('it ran')\n"
    result = rcectl.run(marker + source)
    assert (result.exit, result.verdict, result.output()) == (EXIT_REJECTED, "rejected", b"")
    finding = result.lint["diagnostics"][0]
    assert finding["line"] == 2 and finding["name"] and finding["reason"] and finding["code"]


# It names no module the linter knows of; the same holds it as above.
NOT_SEEN_BY_THE_LINTER = ("other machine's calls",)


@pytest.mark.parametrize("program", [p for p in rows(PROGRAMS_AS_SUCH) if p.values[0].options])
def test_the_linter_rejects_them_too(rcectl, program):
    result = rcectl.run(program.text)
    if program.name in NOT_SEEN_BY_THE_LINTER:
        check(program, result)
    else:
        assert (result.exit, result.verdict) == (EXIT_REJECTED, "rejected")


# --- other jobs, and the host ---


def test_host_services_are_out_of_reach(rcectl):
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"\0rce-test-{uuid.uuid4()}")
        unix.listen()
        result = rcectl.run(
            f"{PRELUDE}print(attempt(connect, socket.AF_INET, ('127.0.0.1', {tcp.getsockname()[1]})))\n"
            f"print(attempt(connect, socket.AF_UNIX, {unix.getsockname()!r}))",
            *OFF,
        )
        check(Program("", "", stdout="ECONNREFUSED\nECONNREFUSED\n"), result)
        for server in tcp, unix:
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.accept()


@pytest.fixture
def canaries(worker):
    """Files anybody may read, wherever a sandbox's files might come from."""
    name = f"canary-{uuid.uuid4()}"
    places = ("/", "/etc", "/root", "/srv", "/tmp", "/var/tmp", "/dev/shm", "/run", worker.home, worker.runtime)
    paths = [Path(place) / name for place in places]
    for path in paths:
        path.write_text("the host's")
        path.chmod(0o666)
    yield name, paths
    for path in paths:
        path.unlink()


def test_no_file_of_the_host_is_in_sight(rcectl, canaries):
    name, paths = canaries
    source = f"""{PRELUDE}
print([d for d, dirs, files in os.walk("/") if not d.startswith("/proc") and {name!r} in dirs + files])
for path in {list(map(str, paths))!r}:
    for prefix in "", "/..", "/proc/self/root", "/proc/1/root":
        print(attempt(read, prefix + path))
"""
    result = rcectl.run(source, *OFF)
    answers = result.output().decode().splitlines()
    assert answers[0] == "[]" and len(answers) == 1 + 4 * len(paths)
    assert set(answers[1:]) == {"ENOENT", "EACCES"}


def test_jobs_do_not_see_each_other(rcectl):
    """One holds files, shared memory, a socket, a process with a name; the other looks for them everywhere."""
    secret = f"secret-{uuid.uuid4()}"
    first = rcectl.start(
        f"""{PRELUDE}
for directory in "/work", "/tmp", "/dev/shm":
    open(f"{{directory}}/{secret}", "w").write("{secret}")
libc.shmget(42, 4096, 0o1666)
s = socket.socket(socket.AF_UNIX)
s.bind("\\0{secret}")
t = socket.create_server(("127.0.0.1", 4242))
print("ready", flush=True)
sys.stdin.read()
print(os.path.exists("/tmp/{secret}"), libc.shmget(42, 4096, 0o666) >= 0)
""",
        *OFF,
        stdin=subprocess.PIPE,
    )
    assert first.line() == "ready"
    second = rcectl.run(
        f"""{PRELUDE}
print([d for d, dirs, files in os.walk("/") if not d.startswith("/proc") and "{secret}" in dirs + files])
print(sorted(int(n) for n in os.listdir("/proc") if n.isdigit()) == [1, os.getpid()])
print(libc.shmget(42, 4096, 0o1666 & 0o777), errno.errorcode[ctypes.get_errno()])
print(attempt(connect, socket.AF_UNIX, "\\0{secret}"), attempt(connect, socket.AF_INET, ("127.0.0.1", 4242)))
print({{attempt(os.kill, n, 9) for n in range(2, 1 << 16) if n != os.getpid()}})
""",
        *OFF,
    )
    check(Program("", "", stdout="[]\nTrue\n-1 ENOENT\nECONNREFUSED ECONNREFUSED\n{'ESRCH'}\n"), second)
    result = first.end(b"")
    assert (result.exit, result.stdout) == (0, b"True True\n")


def test_each_sandbox_is_another_user(rcectl):
    users = {rcectl.run("import os; print(os.getuid(), os.getgid())", *OFF).output() for _ in range(3)}
    assert len(users) == 3 and all(int(n) >= 10000 for u in users for n in u.split())
