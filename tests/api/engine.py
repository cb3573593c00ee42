# SPDX-License-Identifier: Apache-2.0
"""rce-api as its clients see it: a server with its own database and queues, a scripted worker, and plain sockets."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

GUARD = 30      # seconds that nothing here may take


def wait_until(condition, what, guard=GUARD):
    end = time.monotonic() + guard
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f'not within {guard} s: {what}')
        time.sleep(0.01)
    return result


class Engine:
    """Database, virtual host of the broker and directories that servers and workers share."""

    def __init__(self, directory, name):
        self.directory = pathlib.Path(directory)
        self.database = name
        self.blobs = self.directory / 'blobs'
        self.blobs.mkdir(mode=0o770)
        self.gates = self.directory / 'gates'
        self.gates.mkdir()
        os.symlink(self.blobs, self.gates / 'blobs')
        self.host = os.environ['PGHOST']
        subprocess.run(['psql', '-qX', '-c', f'CREATE DATABASE {name}'], check=True)
        subprocess.run([os.environ['RCECTL'], 'db', '--quiet', '--schema', os.environ['RCE_SCHEMA'], '--database',
                        f'host={self.host} dbname={name} user=postgres', 'migrate'], check=True)

        for command in ['add_vhost', name], ['set_permissions', '-p', name, 'guest', '.*', '.*', '.*']:
            subprocess.run([os.environ['RCE_RABBITMQ'], 'ctl', *command], check=True, stdout=subprocess.DEVNULL)

    def conninfo(self, user):
        return f'host={self.host} dbname={self.database} user={user}'

    def sql(self, statement):
        return subprocess.run(['psql', '-qXAt', '-d', self.database, '-c', statement], check=True, capture_output=True,
                              text=True).stdout.strip()

    def open_gate(self, name):
        (self.gates / name).touch()

    @contextlib.contextmanager
    def worker(self):
        worker = subprocess.Popen([os.environ['RCE_SCRIPTED_WORKER'], self.conninfo('rce-worker'),
                                   os.environ['RCE_AMQP_PORT'], self.database, self.gates, 'python', 'datascience'])
        try:
            yield worker
        finally:
            worker.terminate()
            worker.wait(GUARD)


class Server:
    """One rce-api. Its sockets are made here, as the service manager would."""

    def __init__(self, engine, name='api', config='', address='127.0.0.1', languages=None):
        self.engine = engine
        self.directory = engine.directory / name
        self.credentials = self.directory / 'credentials'
        self.credentials.mkdir(parents=True)
        (self.credentials / 'broker-password').write_text('guest\n')
        self.name = name
        self.config(config)
        self.languages = languages or os.environ['RCE_LANGUAGES']
        self.tcp = socket.create_server((address, 0), backlog=1024)
        self.port = self.tcp.getsockname()[1]
        self.unix_path = str(self.directory / 'api.sock')
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(self.unix_path)
        self.unix.listen(128)
        self.log_path = self.directory / 'log'
        self.process = None

    def config(self, text):
        (self.directory / 'rce.conf').write_text(
            f'[Database]\nConnection={self.engine.conninfo("rce-api")}\n'
            f'[Broker]\nPort={os.environ["RCE_AMQP_PORT"]}\nUser=guest\nVirtualHost={self.engine.database}\n'
            f'[Blobs]\nPlace=file:{self.engine.blobs}\n{text}')

    def spawn(self):
        tcp, unix = self.tcp.fileno(), self.unix.fileno()
        # LISTEN_PID has to be the program's own, which only it knows.
        script = 'exec 3<&"$1" 4<&"$2"; shift 2; LISTEN_FDS=2 LISTEN_PID=$$ exec "$@"'
        with open(self.log_path, 'ab') as log:
            return subprocess.Popen(
                ['bash', '-c', script, 'bash', str(tcp), str(unix), os.environ['RCE_API'], '--config', self.directory,
                 '--languages', self.languages, '--policies', os.environ['RCE_LINT_POLICIES'], '--name', self.name],
                pass_fds=[tcp, unix], stderr=log, env=os.environ | {'CREDENTIALS_DIRECTORY': str(self.credentials)})

    def start(self):
        self.process = self.spawn()
        wait_until(self.is_ready, 'a server that is ready')
        return self

    def is_ready(self):
        assert self.process.poll() is None, self.log()
        answer = self.get('/readyz')
        return answer.status == 200 and set(answer.json['backends'].values()) == {'ok'}

    def stop(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            code = self.process.wait(GUARD)
            self.process = None
            return code
        return None

    def close(self):
        code = self.stop()
        self.tcp.close()
        self.unix.close()
        assert code in (None, 0), self.log()

    def log(self):
        return self.log_path.read_text(errors='replace')

    # --- requests

    def request(self, method, path, body=None, headers=None, timeout=GUARD):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request('GET', path, headers={k.replace('_', '-'): v for k, v in headers.items()})

    def delete(self, path):
        return self.request('DELETE', path)

    def post(self, path, document, **headers):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.request('POST', path, body,
                            {'Content-Type': 'application/json'} | {k.replace('_', '-'): v for k, v in headers.items()})

    def submit(self, *script, wait=None, **members):
        answer = self.post('/v1/jobs' + (f'?wait={wait}' if wait else ''),
                           {'language': 'python', 'source': '\n'.join(script)} | members)
        assert answer.status in (200, 202), answer.text
        return answer.json

    def finished(self, job, guard=GUARD):
        """The job, when it has come to its end."""
        def look():
            answer = self.get(f'/v1/jobs/{job}')
            assert answer.status == 200, answer.text
            return answer.json if answer.json['state'] in ('finished', 'cancelled') else None
        return wait_until(look, f'the end of job {job}', guard)

    def connect(self):
        s = socket.create_connection(('127.0.0.1', self.port), timeout=GUARD)
        return s

    def raw(self, data):
        """Everything the server says to these bytes until it closes."""
        with self.connect() as s:
            s.sendall(data)
            return b''.join(iter(lambda: s.recv(65536), b''))

    def events(self, job, last=None):
        return EventSource(self, f'/v1/jobs/{job}/events', last)

    def socket(self, path, **headers):
        return WebSocket(self, path, headers)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        assert self.headers['Content-Type'] == 'application/problem+json', self.text
        assert self.json['status'] == self.status
        return self.json['code']


class EventSource:
    """Server-sent events, one after the other."""

    def __init__(self, server, path, last=None):
        self.connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=GUARD)
        self.connection.request('GET', path, headers={'Last-Event-ID': last} if last else {})
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.last = last

    def __iter__(self):
        event = {}
        for line in iter(self.response.readline, b''):
            line = line.decode().rstrip('\n')
            if line:
                name, _, value = line.partition(':')
                event[name] = value.removeprefix(' ')
            elif 'data' in event:
                data = json.loads(event['data'])
                assert event['event'] == data['type']
                self.last = event['id']
                yield data
                event = {}

    def close(self):
        self.response.close()
        self.connection.close()


class WebSocket:
    """RFC 6455, as far as the tests want it."""

    KEY = base64.b64encode(bytes(range(16))).decode()

    def __init__(self, server, path, headers=None):
        self.socket = server.connect()
        self.file = self.socket.makefile('rb')
        lines = [f'GET {path} HTTP/1.1', f'Host: 127.0.0.1:{server.port}', 'Upgrade: websocket', 'Connection: Upgrade',
                 'Sec-WebSocket-Version: 13', f'Sec-WebSocket-Key: {self.KEY}']
        lines += [f'{name.replace("_", "-")}: {value}' for name, value in (headers or {}).items()]
        self.socket.sendall('\r\n'.join(lines + ['', '']).encode())
        self.status = int(self.file.readline().split()[1])
        self.headers = http.client.parse_headers(self.file)
        self.closed = None
        if self.status != 101:
            self.body = self.file.read(int(self.headers.get('Content-Length', 0)))

    def frame(self):
        head = self.file.read(2)
        if len(head) < 2:
            return None, b''
        size = head[1] & 127
        if size == 126:
            size, = struct.unpack('!H', self.file.read(2))
        elif size == 127:
            size, = struct.unpack('!Q', self.file.read(8))
        return head[0] & 15, self.file.read(size)

    def __iter__(self):
        while True:
            opcode, data = self.frame()
            if opcode == 1:
                yield json.loads(data)
            elif opcode == 8:
                self.closed, = struct.unpack('!H', data[:2])
                self.send(data, 8)
                return
            elif opcode is None:
                return

    def send(self, data, opcode=1):
        assert len(data) < 126
        mask = b'\1\2\3\4'
        self.socket.sendall(bytes([0x80 | opcode, 0x80 | len(data)]) + mask +
                            bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def close(self):
        self.file.close()
        self.socket.close()


def collect(events):
    return list(events)


def metric(server, name):
    for line in server.get('/metrics').text.splitlines():
        if line.startswith(name + ' '):
            return float(line.split()[1])
    raise AssertionError(name)


def status_of(data):
    """Of an answer as it came from the socket; None: there is none."""
    head = data.split(b'\r\n', 1)[0].split()
    return int(head[1]) if len(head) > 1 else None


def output(events, stream='stdout'):
    """The bytes of a stream, from its events; each offset must be where the bytes before ended."""
    data = b''
    for event in events:
        if event['type'] == 'state' and event['state'] == 'queued':
            data = b''
        if event['type'] == stream:
            if event['offset'] == 0:
                data = b''
            assert event['offset'] == len(data), event
            data += event['data'].encode() if event['encoding'] == 'utf-8' else base64.b64decode(event['data'])
    return data


def form(name='file', content=b'out hi', filename='hello.py'):
    boundary = 'xXx'
    body = (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
            f'Content-Type: text/x-python\r\n\r\n').encode() + content + f'\r\n--{boundary}--\r\n'.encode()
    return body, {'Content-Type': f'multipart/form-data; boundary={boundary}'}
