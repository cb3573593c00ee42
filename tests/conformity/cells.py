# SPDX-License-Identifier: Apache-2.0
"""A worker in a few lines: starts a container, and speaks the protocol of src/cell/protocol.h with what is in it."""

import array
import os
import pwd
import select
import socket
import struct
import tempfile

MAGIC, VERSION = 0x30454352, 2
HELLO, SERVE, MAKE, ARM, READY, RUN, EXIT, FAIL = range(1, 9)
HEADER = struct.Struct('=IIII')
TMPFS_NOEXEC = 1
TIMEOUT_SEC = 30

# What the worker gives every program, see src/sandbox/sandbox.c.
ENVIRONMENT = {'PATH': '/usr/local/bin:/usr/bin:/bin', 'HOME': '/work', 'LANG': 'C.UTF-8', 'TMPDIR': '/tmp'}
TMPFS = {'/work': 64 << 20, '/tmp': 64 << 20, '/dev/shm': 64 << 20}


class Failed(Exception):
    """A FAIL: the step and the errno."""


def packet(kind, body=b''):
    return HEADER.pack(MAGIC, VERSION, kind, HEADER.size + len(body)) + body


def program_packet(kind, files, args, env, rlimits):
    strings = b''.join(os.fsencode(s) + b'\0' for s in [*files, *args, *(f'{k}={v}' for k, v in env.items())])
    body = struct.pack('=IIIIII', len(files), len(args), len(env), len(rlimits), len(strings), 0)
    for i in range(16):
        body += struct.pack('=IIQ', *(rlimits[i] if i < len(rlimits) else (0, 0, 0)))
    return packet(kind, body + strings)


class Link:
    """One socket of ours, to a supervisor."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.ours.settimeout(TIMEOUT_SEC)

    def send(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        self.ours.sendmsg([data], rights)

    def expect(self, kind):
        """The pid of who sent it, and what is behind the header."""
        data, control, _, _ = self.ours.recvmsg(4096, 256)
        if not data:
            raise EOFError('the supervisor is gone')
        magic, version, got, size = HEADER.unpack(data[:HEADER.size])
        assert (magic, version, size) == (MAGIC, VERSION, len(data))
        if got == FAIL:
            step, error = struct.unpack('=Ii', data[HEADER.size:])
            raise Failed(step, error)
        assert got == kind, (got, kind)
        pid = next(struct.unpack('=iII', value)[0] for _, sort, value in control if sort == socket.SCM_CREDENTIALS)
        return pid, data[HEADER.size:]

    def close(self):
        self.ours.close()
        self.theirs.close()


class Result:
    def __init__(self, stdout, stderr, wait_status, user_usec, system_usec, rss):
        self.stdout, self.stderr, self.status = stdout, stderr, os.waitstatus_to_exitcode(wait_status)
        self.user_usec, self.system_usec, self.rss = user_usec, system_usec, rss


def memory_file(content):
    fd = os.memfd_create('file')
    os.write(fd, content)
    return fd


class Program:
    """Programs of one supervisor, one after the other."""

    def __init__(self, link):
        self.link = link
        self.pid = self.out = self.err = self.stdin = None

    def arm(self):
        self.link.send(packet(ARM))
        self.pid, _ = self.link.expect(READY)

    def start(self, args, *, files=None, env=None, rlimits=(), stdin=b''):
        files = files or {}
        fds = [memory_file(content) for content in files.values()]
        out, err = os.pipe(), os.pipe()
        read_end, write_end = os.pipe()
        if stdin is None:
            self.stdin = write_end
        else:
            os.set_blocking(write_end, False)
            os.write(write_end, stdin)
            os.close(write_end)
        self.link.send(program_packet(RUN, list(files), args, ENVIRONMENT if env is None else env, list(rlimits)),
                       [read_end, out[1], err[1], *fds])
        for fd in [read_end, out[1], err[1], *fds]:
            os.close(fd)
        self.out, self.err = out[0], err[0]

    def finish(self):
        output = {self.out: bytearray(), self.err: bytearray()}
        left = set(output)
        while left:
            for fd in select.select(left, [], [], TIMEOUT_SEC)[0]:
                data = os.read(fd, 65536)
                output[fd] += data
                if not data:
                    left.discard(fd)
                    os.close(fd)
        _, body = self.link.expect(EXIT)
        status, _, user, system, rss = struct.unpack('=iIQQQ', body)
        return Result(bytes(output[self.out]), bytes(output[self.err]), status, user, system, rss)

    def run(self, args, **kwargs):
        self.start(args, **kwargs)
        return self.finish()


class Container:
    """A container whose process 1 is a supervisor. server: the command line of a fork server, with what it preloads."""

    def __init__(self, image, command, server=None, preload='', environment=None):
        self.link = Link()
        self.log = tempfile.TemporaryFile()
        # Podman hands on what it has as descriptor 3.
        self.pid = os.posix_spawnp(command[0], [*command, image], os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, self.link.theirs.fileno(), 3),
            (os.POSIX_SPAWN_OPEN, 0, '/dev/null', os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, self.log.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, self.log.fileno(), 2),
        ])
        self.link.theirs.close()
        try:
            self.pid_of_supervisor, _ = self.link.expect(HELLO)
            if server:
                env = dict(environment or ENVIRONMENT, PYTHONPATH='/run/rce-python', RCE_PRELOAD=preload)
                self.link.send(program_packet(SERVE, [], server, env, []))
                self.link.expect(HELLO)
        except (EOFError, socket.timeout):
            self.log.seek(0)
            raise RuntimeError(self.log.read().decode()) from None

    def make(self):
        cell = Link()
        body = struct.pack('=II', len(TMPFS), sum(len(path) + 1 for path in TMPFS))
        for size in [*TMPFS.values(), *[0] * (8 - len(TMPFS))]:
            body += struct.pack('=QII', size, 0, 0)
        body += b''.join(path.encode() + b'\0' for path in TMPFS)
        self.link.send(packet(MAKE, body), [cell.theirs.fileno()])
        cell.theirs.close()
        return cell

    def close(self):
        self.link.close()
        os.waitpid(self.pid, 0)


def cell(container, arm=True):
    """A cell that waits for its program."""
    link = container.make()
    supervisor, _ = link.expect(HELLO)
    program = Program(link)
    program.supervisor = supervisor
    if arm:
        program.arm()
    return program


def worker():
    """How root becomes the user whose images they are. Its podman joins what rce-podman.service has begun."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam('rce-worker')
    return ['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--init-groups', 'env', '-i', '--chdir=/',
            'PATH=/usr/bin:/bin', f'HOME={user.pw_dir}', f'XDG_RUNTIME_DIR=/run/user/{user.pw_uid}']


def podman(cells):
    """A container as Quadlet renders a language; see quadlet/languages/python.container."""
    command = [*worker(), 'podman', 'run', '--rm', '--cgroups=disabled', '--pull=never', '--network=none',
               '--cap-drop=all', '--security-opt=no-new-privileges', '--read-only', '--read-only-tmpfs=false',
               '--user=5000:5000',
               '--tmpfs=/work:rw,nosuid,nodev,size=64m,mode=1777', '--tmpfs=/tmp:rw,nosuid,nodev,size=64m,mode=1777',
               '--tmpfs=/dev/shm:rw,nosuid,nodev,noexec,size=64m,mode=1777', '--hostname=sandbox', '--no-hosts',
               '--http-proxy=false', '--log-driver=passthrough', '--preserve-fds=1', '--stop-signal=KILL',
               '--stop-timeout=0', '--entrypoint=/run/rce-cell', '--volume=/usr/libexec/rce/rce-cell:/run/rce-cell:ro',
               '--volume=/usr/lib/rce/python:/run/rce-python:ro']
    if cells:
        return [*command, '--security-opt=unmask=/proc/*', '--security-opt=seccomp=/usr/share/rce/seccomp-outer.json']
    return [*command, '--security-opt=seccomp=/usr/share/rce/seccomp.json']
