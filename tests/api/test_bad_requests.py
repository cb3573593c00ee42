# SPDX-License-Identifier: Apache-2.0
"""Everything that can be wrong with a request, each with its documented answer."""

import json
import socket

import pytest

from engine import GUARD, Server, form, status_of, wait_until

JOB = '01890a5d-ac96-774b-bcce-b302099a8057'
OK = {'source': 'out x'}


def check(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer.text
    if field:
        assert answer.json['field'] == field
    assert answer.json['title']
    assert answer.json['detail']
    assert answer.json['request_id'] == answer.headers['X-Request-Id']
    if status == 503:
        assert int(answer.headers['Retry-After']) > 0


@pytest.mark.parametrize('document, field', [
    ({}, 'source'),
    ({'source': 1}, 'source'),
    ({'source': None}, 'source'),
    ({'source': ['x']}, 'source'),
    (OK | {'colour': 'red'}, 'colour'),
    (OK | {'language': 7}, 'language'),
    (OK | {'args': 'x'}, 'args'),
    (OK | {'args': ['x', 1]}, 'args[1]'),
    (OK | {'args': ['\0']}, 'args[0]'),
    (OK | {'env': ['x']}, 'env'),
    (OK | {'env': {'A': 1}}, 'env.A'),
    (OK | {'env': {'1': 'x'}}, 'env'),
    (OK | {'tags': {'': 'x'}}, 'tags.'),
    (OK | {'limits': {'memory_bytes': '1G'}}, 'limits.memory_bytes'),
    (OK | {'limits': {'memory_bytes': 0}}, 'limits.memory_bytes'),
    (OK | {'limits': {'memory_bytes': -1}}, 'limits.memory_bytes'),
    (OK | {'limits': {'memory_bytes': 1.5}}, 'limits.memory_bytes'),
    (OK | {'limits': {'memory_bytes': 1}}, 'limits.memory'),
    (OK | {'limits': {'colour': 1}}, 'limits.colour'),
    (OK | {'lint': 'lax'}, 'lint'),
    (OK | {'lint': 'off'}, 'lint'),
    (OK | {'priority': 'urgent'}, 'priority'),
    (OK | {'stdin': '?', 'stdin_encoding': 'base64'}, 'stdin'),
    (OK | {'stdin_encoding': 'hex'}, 'stdin_encoding'),
    (OK | {'files': []}, 'files'),
    (OK | {'tests': []}, 'tests'),
    (OK | {'callback_url': 'http://localhost/'}, 'callback_url'),
])
def test_members(server, document, field):
    check(server.post('/v1/jobs', document), 400, 'invalid_request', field)


@pytest.mark.parametrize('document, field', [
    ({'source': 'x' * (1024 * 1024 + 1)}, 'source'),
    (OK | {'args': ['x' * 65536]}, 'args'),
    (OK | {'env': {'A': 'x' * 65536}}, 'env'),
    (OK | {'stdin': 'x' * (1024 * 1024 + 1)}, 'stdin'),
    (OK | {'tags': {f't{i}': '' for i in range(17)}}, 'tags'),
    (OK | {'tags': {'t': 'x' * 257}}, 'tags'),
    (OK | {'limits': {'memory_bytes': 2 ** 40}}, 'limits.memory'),
    (OK | {'limits': {'wall_usec': 2 ** 63}}, 'limits.wall_time'),
])
def test_sizes(server, document, field):
    check(server.post('/v1/jobs', document), 413, 'too_large', field)


@pytest.mark.parametrize('source', ['', 'a\0b', '\0'])
def test_sources(server, source):
    check(server.post('/v1/jobs', {'source': source}), 400, 'invalid_source')


@pytest.mark.parametrize('body', [
    b'', b'{', b'{"source":"x"', b'{"source":"x"}}', b'{"source":"x"} {}', b'{"source":"x"}\0', b"{'source':'x'}",
    b'{"source":"\xff"}', b'{"source":"\xc0\x80"}', b'\xef\xbb\xbf{"source":"x"}', b'source=x',
    b'[' * 100 + b']' * 100, b'{"source":"x","tags":' + b'{"a":' * 50 + b'1' + b'}' * 51,
])
def test_what_is_no_json(server, body):
    check(server.post('/v1/jobs', body), 400, 'invalid_json')


@pytest.mark.parametrize('body', [b'[]', b'"x"', b'null ', b'17 ', b'true '])
def test_json_that_is_no_object(server, body):
    check(server.post('/v1/jobs', body), 400, 'invalid_request')


def test_languages(server):
    check(server.post('/v1/jobs', OK | {'language': 'cobol'}), 400, 'unknown_language')
    check(server.post('/v1/jobs', OK | {'language': ''}), 400, 'unknown_language')
    check(server.post('/v1/jobs', OK | {'language': '../../etc/passwd'}), 400, 'unknown_language')


@pytest.mark.parametrize('path, field', [
    ('/v1/jobs?state=done', 'state'), ('/v1/jobs?limit=0', 'limit'), ('/v1/jobs?limit=1001', 'limit'),
    ('/v1/jobs?limit=-1', 'limit'), ('/v1/jobs?limit=x', 'limit'), ('/v1/jobs?cursor=x', 'cursor'),
    ('/v1/jobs?tag=x', 'tag'), ('/v1/jobs?tag==x', 'tag'), ('/v1/jobs?colour=red', 'colour'),
    ('/v1/jobs?state=queued&state=running', 'state'), (f'/v1/jobs/{JOB}?x', 'x'), ('/healthz?x=1', 'x'),
])
def test_parameters(server, path, field):
    check(server.get(path), 400, 'invalid_request', field)


@pytest.mark.parametrize('wait', ['', 'x', '-1', '1e3', '1000000', 'infinity', '301'])
def test_waits(server, wait):
    check(server.post(f'/v1/jobs?wait={wait}', OK), 400, 'invalid_request', 'wait')


@pytest.mark.parametrize('value', ['2', 'x', '-1'])
def test_purges(server, value):
    check(server.delete(f'/v1/jobs/{JOB}?purge={value}'), 400, 'invalid_request', 'purge')


@pytest.mark.parametrize('job', ['x', JOB[:-1], JOB + '0', JOB.replace('-', ''), '%00', '..', JOB.replace('774b', '474b'),
                                 'x' * 500, '%F0%9F%92%A9'])
def test_ids(server, job):
    for path in f'/v1/jobs/{job}', f'/v1/jobs/{job}/stdout', f'/v1/jobs/{job}/source', f'/status/{job}':
        answer = server.get(path)
        assert answer.status in (400, 404)
        assert answer.code in ('unknown_job', 'invalid_uri', 'not_found')


def test_jobs_that_are_not_there(server):
    for method, path in [('GET', ''), ('DELETE', ''), ('DELETE', '?purge=1'), ('GET', '/source'), ('GET', '/stdout'),
                         ('GET', '/stderr'), ('GET', '/events')]:
        check(server.request(method, f'/v1/jobs/{JOB}{path}'), 404, 'unknown_job')
    check(server.get(f'/status/{JOB}'), 404, 'unknown_job')


@pytest.mark.parametrize('path', ['/v1', '/v1/', '/v1/jobs/', '/v2/jobs', '/v1/jobs//stdout', '/favicon.ico', '//', '/submit/x'])
def test_addresses(server, path):
    check(server.get(path), 404, 'not_found')


@pytest.mark.parametrize('method, path, allow', [
    ('PUT', '/v1/jobs', 'POST, GET, HEAD'), ('PATCH', f'/v1/jobs/{JOB}', 'GET, HEAD, DELETE'),
    ('POST', '/healthz', 'GET, HEAD'), ('GET', '/v1/lint', 'POST'), ('GET', '/submit', 'POST'),
    ('DELETE', '/v1/languages', 'GET, HEAD'), ('BREW', '/v1/jobs', 'POST, GET, HEAD'), ('HEAD', f'/ws/{JOB}', 'GET'),
])
def test_methods(server, method, path, allow):
    answer = server.request(method, path)
    assert (answer.status, answer.headers['Allow']) == (405, allow)
    if method != 'HEAD':
        check(answer, 405, 'method_not_allowed')


def test_what_may_be_asked_is_told(server):
    answer = server.request('OPTIONS', '/v1/jobs')
    assert (answer.status, answer.headers['Allow'], answer.body) == (204, 'POST, GET, HEAD', b'')


@pytest.mark.parametrize('content_type', [None, 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonp',
                                          'multipart/form-data; boundary=x'])
def test_types_of_bodies(server, content_type):
    headers = {'Content-Type': content_type} if content_type else {}
    check(server.request('POST', '/v1/jobs', b'{"source":"x"}', headers), 415, 'unsupported_media_type')


def test_a_type_may_have_parameters(server):
    answer = server.request('POST', '/v1/jobs', b'{"source":"out x"}', {'Content-Type': 'Application/JSON; charset=utf-8'})
    assert answer.status == 202


def test_bodies_where_none_belongs(server):
    check(server.request('GET', '/v1/jobs', b'x'), 400, 'invalid_request')
    check(server.request('DELETE', f'/v1/jobs/{JOB}', b'{}'), 400, 'invalid_request')


# --- forms

def test_forms_without_the_file(server):
    body, headers = form(name='program')
    check(server.request('POST', '/submit', body, headers), 400, 'invalid_form', 'file')
    check(server.request('POST', '/submit', b'', headers), 400, 'invalid_form')
    check(server.request('POST', '/submit', body[:-20], headers), 400, 'invalid_form')
    check(server.request('POST', '/submit', body, {'Content-Type': 'multipart/form-data'}), 400, 'invalid_form')
    check(server.request('POST', '/submit', b'{}', {'Content-Type': 'application/json'}), 415, 'unsupported_media_type')


def test_files_that_are_no_programs(server):
    for content, status, code in [(b'', 400, 'invalid_source'), (b'\xff\xfe', 400, 'invalid_source'),
                                  (b'x\0', 400, 'invalid_source'), (b'x' * (1024 * 1024 + 1), 413, 'too_large')]:
        body, headers = form(content=content)
        check(server.request('POST', '/submit', body, headers), status, code)


# --- who asks whom

@pytest.mark.parametrize('host, status', [('localhost', 200), ('LOCALHOST:1', 200), ('127.0.0.1', 200), ('[::1]:8000', 200),
                                          ('192.0.2.7:80', 200), ('evil.example', 421), ('localhost.evil.example', 421),
                                          ('[evil.example]', 421), ('x' * 300, 421)])
def test_names_of_the_server(server, host, status):
    answer = server.get('/healthz', Host=host)
    assert answer.status == status
    if status == 421:
        check(answer, 421, 'unknown_host')


def test_pages_of_other_sites(server):
    own = f'http://127.0.0.1:{server.port}'
    assert server.post('/v1/jobs', OK, Origin=own).status == 202
    for origin in 'http://evil.example', 'null', f'http://127.0.0.1:{server.port + 1}', f'{own}.evil.example', '':
        check(server.post('/v1/jobs', OK, Origin=origin), 403, 'foreign_origin')
        assert server.socket(f'/v1/jobs/{JOB}/stream', Origin=origin).status == 403


def test_handshakes(server):
    for path in f'/v1/jobs/{JOB}/stream', f'/ws/{JOB}':
        assert server.get(path).status == 426
        assert server.socket(path, Sec_WebSocket_Key='short').status in (400, 404)


# --- what never becomes a request of ours

def test_bodies_that_are_too_large(server):
    answer = server.raw(b'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n')
    assert status_of(answer) == 413
    assert json.loads(answer.split(b'\r\n\r\n', 1)[1])['code'] == 'body_too_large'


def test_headers_that_are_too_large(server):
    assert status_of(server.raw(b'GET / HTTP/1.1\r\nHost: localhost\r\nX: ' + b'x' * 60000 + b'\r\n\r\n')) == 431


def test_addresses_that_are_too_long(server):
    assert status_of(server.raw(b'GET /' + b'x' * 12000 + b' HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')) == 414


@pytest.mark.parametrize('path', [b'/%00', b'/%zz', b'/v1/jobs?tag=%ff', b'/\xff'])
def test_addresses_that_are_none(server, path):
    assert status_of(server.raw(b'GET ' + path + b' HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')) in (400, 404)


@pytest.mark.parametrize('data', [
    b'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
    b'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
    b'POST /v1/jobs HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    b'GET / HTTP/1.1\r\nno header\r\n\r\n',
    b'nonsense\r\n\r\n',
    b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
])
def test_what_is_hardly_http(server, data):
    with server.connect() as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer = b''.join(iter(lambda: s.recv(65536), b''))
    assert status_of(answer) in (400, None)


# --- manners

def test_every_answer_has_its_headers(server):
    for answer in [server.get('/healthz'), server.get('/nowhere'), server.post('/v1/jobs', OK), server.get('/metrics'),
                   server.request('OPTIONS', '/healthz'), server.get('/openapi.json')]:
        assert answer.headers['X-Content-Type-Options'] == 'nosniff'
        assert "default-src 'none'" in answer.headers['Content-Security-Policy']
        assert answer.headers['Cache-Control'] == 'no-store'
        assert answer.headers['X-Request-Id']


def test_names_of_requests_are_said_again(server):
    assert server.get('/healthz', X_Request_Id='mine-1').headers['X-Request-Id'] == 'mine-1'
    for bad in 'a b', 'x' * 129, 'ü'.encode(), '<script>', '':
        own = server.get('/healthz', X_Request_Id=bad).headers['X-Request-Id']
        assert own not in (bad, None, '')


def test_head_is_like_get_without_the_body(server):
    for path in '/healthz', '/v1/languages', '/openapi.json', '/nowhere', '/v1/jobs?limit=1':
        get, head = server.get(path), server.request('HEAD', path)
        assert (head.status, head.body) == (get.status, b'')
        assert head.headers['Content-Type'] == get.headers['Content-Type']


# --- more than it takes

def test_more_jobs_than_may_wait(own):
    server = own(config='[API]\nMaxQueued=3\n').start()
    codes = [server.post('/v1/jobs', OK).status for _ in range(5)]
    assert codes == [202, 202, 202, 503, 503]
    check(server.post('/v1/jobs', OK), 503, 'queue_full')
    with own.engine.worker():
        wait_until(lambda: server.post('/v1/jobs', OK).status == 202, 'room')


def test_more_submissions_than_are_taken_at_once(own):
    server = own(config='[API]\nMaxSubmissions=0\n').start()
    check(server.post('/v1/jobs', OK), 503, 'overloaded')


def test_more_output_than_may_be_held(own):
    server = own(config='[API]\nMaxWatched=100K\n').start()
    with own.engine.worker():
        job = server.submit('fill 300000')['id']
        wait_until(lambda: server.get('/v1/jobs?state=finished').json['jobs'], 'the end')
        check(server.get(f'/v1/jobs/{job}'), 503, 'overloaded')
        check(server.get(f'/v1/jobs/{job}/events'), 503, 'overloaded')
        assert server.submit('out x', wait=20)['stdout'] == 'x\n'


# --- starting

def test_it_does_not_serve_whom_it_does_not_know(own):
    server = own(address='0.0.0.0')
    process = server.spawn()
    assert process.wait(GUARD) == 1
    assert 'others can reach' in server.log()


def test_it_does_not_start_with_a_broken_configuration(own):
    for text, words in [('[API]\nColour=red\n', 'there is no Colour='), ('[API]\nMaxWait=x\n', 'MaxWait'),
                        ('[Blobs]\nPlace=ftp://x/\n', 'ftp')]:
        server = Server(own.engine, name=f'broken-{words[:3].strip()}', config=text)
        assert server.spawn().wait(GUARD) == 1
        assert words in server.log()
        server.close()
