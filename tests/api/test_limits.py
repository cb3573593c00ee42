# SPDX-License-Identifier: Apache-2.0
"""Clients that are many, slow, or of ill will: each is answered as documented, and nobody else notices."""

import contextlib
import http.client
import json
import selectors
import socket
import time

import pytest

from engine import GUARD, collect, metric, output, status_of, wait_until

HOST = b'Host: localhost\r\n'


def code_of(data):
    return json.loads(data.split(b'\r\n\r\n', 1)[1])['code']


@contextlib.contextmanager
def connections(server, n):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server.connect()) for _ in range(n)]


def read_head(s):
    data = b''
    while not data.endswith(b'\r\n\r\n'):
        piece = s.recv(1)
        if not piece:
            break
        data += piece
    return data


def keep_alive(s):
    """One request; the connection stays."""
    s.sendall(b'GET /healthz HTTP/1.1\r\n' + HOST + b'\r\n')
    head = read_head(s)
    assert status_of(head) == 200
    size = int(next(line.split(b':')[1] for line in head.lower().split(b'\r\n') if line.startswith(b'content-length')))
    while size:
        size -= len(s.recv(size))


def deadlines(sockets):
    """What each says until it is closed, and when that was: {name: (data, seconds)}."""
    selector, told, began = selectors.DefaultSelector(), {}, time.monotonic()
    for name, s in sockets.items():
        s.setblocking(False)
        selector.register(s, selectors.EVENT_READ, name)
        told[name] = b''
    ended = {}
    while len(ended) < len(sockets):
        assert time.monotonic() < began + 150, set(sockets) - set(ended)
        # Who says one byte a second is not silent, and yet too slow.
        if 'drip' not in ended:
            with contextlib.suppress(OSError):
                sockets['drip'].send(b'x')
        for key, _ in selector.select(1):
            try:
                data = key.fileobj.recv(65536)
            except OSError:
                data = b''
            told[key.data] += data
            if not data:
                selector.unregister(key.fileobj)
                ended[key.data] = (told[key.data], time.monotonic() - began)
    return ended


def test_who_is_slow_is_not_waited_for(server, worker):
    with connections(server, 4) as (silent, drip, body, idle), connections(server, 1000) as many:
        for s in [idle, *many]:
            keep_alive(s)
        assert server.submit('out x', wait=20)['stdout'] == 'x\n'
        drip.sendall(b'GET /healthz HTTP/1.1\r\n' + HOST + b'X-Slow: ')
        body.sendall(b'POST /v1/jobs HTTP/1.1\r\n' + HOST + b'Content-Type: application/json\r\n'
                     b'Content-Length: 100\r\n\r\n{"source":')
        ended = deadlines({'silent': silent, 'drip': drip, 'body': body, 'idle': idle} |
                          {f'idle-{i}': s for i, s in enumerate(many)})
        for name, timeout in ('silent', 10), ('drip', 10), ('body', 60):
            data, seconds = ended[name]
            assert (status_of(data), code_of(data)) == (408, 'request_timeout')
            assert timeout - 5 < seconds < timeout + GUARD
        assert {data for name, (data, _) in ended.items() if name.startswith('idle')} == {b''}
        assert all(60 < seconds < 75 + GUARD for name, (_, seconds) in ended.items() if name.startswith('idle'))
    assert server.get('/healthz').status == 200


def test_who_follows_and_never_reads_is_left_behind(server, worker):
    job = server.submit('watched', 'wait lazy', 'fill 10000000', 'out end')['id']
    with connections(server, 4) as lazy:
        for s in lazy:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(f'GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        lazy_sockets = [server.socket(f'/v1/jobs/{job}/stream') for _ in range(4)]
        readers = [server.events(job), server.socket(f'/v1/jobs/{job}/stream')]
        wait_until(lambda: metric(server, 'rce_api_watchers') == 10, 'all of them')
        server.engine.open_gate('lazy')
        for reader in readers:
            assert output(collect(reader)) == b'0123456789' * 1000000 + b'end\n'
        # For those eight it is not kept eight times.
        assert metric(server, 'rce_api_held_bytes') < 30_000_000
        assert metric(server, 'rce_api_watchers') == 8
        for s in lazy_sockets:
            s.close()
    wait_until(lambda: metric(server, 'rce_api_watchers') == 0, 'all gone')
    assert metric(server, 'rce_api_held_bytes') == 0


def test_more_connections_than_are_taken(own):
    server = own(config='[API]\nMaxConnections=20\n').start()
    with connections(server, 20) as taken:
        for s in taken:
            keep_alive(s)
        with server.connect() as surplus:
            surplus.sendall(b'GET /healthz HTTP/1.1\r\n' + HOST + b'\r\n')
            answer = b''.join(iter(lambda: surplus.recv(65536), b''))
        assert (status_of(answer), code_of(answer)) == (503, 'too_many_connections')
        taken[0].close()
        wait_until(lambda: server.get('/healthz').status == 200, 'room for another')


# --- bodies

def chunked(*chunks):
    return (b'POST /v1/jobs HTTP/1.1\r\n' + HOST + b'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n'
            b'Connection: close\r\n\r\n' + b''.join(b'%x\r\n%s\r\n' % (len(c), c) for c in chunks))


def test_a_body_may_come_in_pieces(server):
    assert status_of(server.raw(chunked(b'{"source":', b'"out x"}', b''))) == 202


def test_pieces_are_counted(server):
    with server.connect() as s:
        with contextlib.suppress(OSError):      # it does not listen to the end
            s.sendall(chunked())
            for _ in range(500):
                s.sendall(b'10000\r\n' + b'x' * 65536 + b'\r\n')
        answer = b''.join(iter(lambda: s.recv(65536), b''))
    assert (status_of(answer), code_of(answer)) == (413, 'body_too_large')


@pytest.mark.parametrize('data', [
    chunked() + b'zz\r\nx\r\n0\r\n\r\n', chunked() + b'-1\r\n', chunked() + b'fffffffffffffffff\r\nx', chunked() + b'5\r\nxxxxxx\r\n',
])
def test_pieces_that_are_none(server, data):
    with server.connect() as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer = b''.join(iter(lambda: s.recv(65536), b''))
    assert status_of(answer) in (400, 413, None)
    assert server.get('/healthz').status == 200


def test_who_asks_first_is_told_before_he_sends(server):
    head = (b'POST /v1/jobs HTTP/1.1\r\n' + HOST + b'Content-Type: application/json\r\nExpect: 100-continue\r\n'
            b'Connection: close\r\nContent-Length: ')
    with server.connect() as s:
        s.sendall(head + b'17\r\n\r\n')
        assert status_of(read_head(s)) == 100
        s.sendall(b'{"source":"pass"}')
        assert status_of(read_head(s)) == 202
    assert status_of(server.raw(head + b'999999999\r\n\r\n')) == 413


def test_requests_in_one_breath_are_answered_in_turn(server):
    data = b''.join(b'GET /v1/jobs/x%d HTTP/1.1\r\n' % i + HOST + b'X-Request-Id: turn-%d\r\n\r\n' % i for i in range(20))
    data += b'GET /healthz HTTP/1.1\r\n' + HOST + b'Connection: close\r\n\r\n'
    answers = server.raw(data)
    assert answers.count(b'HTTP/1.1 404') == 20
    assert answers.count(b'HTTP/1.1 200') == 1
    places = [answers.index(b'turn-%d\r\n' % i) for i in range(20)]
    assert places == sorted(places)


@pytest.mark.parametrize('data', [
    b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', b'GET / HTTP/9.9\r\n' + HOST + b'\r\n', b'GET /\r\n\r\n', b'\r\n' * 100,
    b'GET  / HTTP/1.1\r\n\r\n', b'GET / HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: gzip\r\n\r\n', b'\0' * 1000, b'\xff' * 70000,
])
def test_what_is_no_request_is_answered_or_hung_up(server, data):
    with server.connect() as s:
        with contextlib.suppress(OSError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        try:
            answer = b''.join(iter(lambda: s.recv(65536), b''))
        except OSError:
            answer = b''
    assert status_of(answer) in (400, 404, 414, 431, 501, 505, None)
    assert server.get('/healthz').status == 200


# --- messages of WebSockets

@pytest.mark.parametrize('frame, code', [
    (bytes([0x81, 0xff]) + (70000).to_bytes(8, 'big') + bytes(5), 1009),          # longer than messages may be
    (bytes([0x81, 0x05]) + b'hello', 1002),                                        # not masked
    (bytes([0x81, 0x82]) + bytes(4) + b'\xff\xfe', 1007),                          # no text
    (bytes([0x83, 0x80]) + bytes(4), 1002),                                        # no opcode
    (bytes([0xc1, 0x80]) + bytes(4), 1002),                                        # a bit of an extension
])
def test_frames_that_are_none(server, frame, code):
    job = server.submit('wait frames')['id']
    ws = server.socket(f'/v1/jobs/{job}/stream')
    assert ws.status == 101
    ws.socket.sendall(frame)
    assert all(event['type'] == 'state' for event in ws)
    assert ws.closed == code
    server.delete(f'/v1/jobs/{job}')


def test_a_handshake_that_stops_half_way_is_no_harm(server):
    with server.connect() as s:
        s.sendall(b'GET /v1/jobs/x/stream HTTP/1.1\r\n' + HOST + b'Upgrade: websocket\r\nConnection: Upgrade\r\n')
        assert server.get('/healthz').status == 200
    connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=GUARD)
    connection.request('GET', '/healthz')
    assert connection.getresponse().status == 200
    connection.close()
