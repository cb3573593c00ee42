# SPDX-License-Identifier: Apache-2.0
"""Jobs from their submission to their end."""

import hashlib
import http.client
import socket
import threading
import uuid

import pytest

from engine import GUARD, Answer, wait_until


def test_a_job_is_taken_run_and_told(server, worker):
    answer = server.post('/v1/jobs', {'language': 'python', 'source': 'out hi\nerr no', 'tags': {'a': 'b'}})
    assert answer.status == 202
    ticket = answer.json
    assert answer.headers['Location'] == ticket['links']['self'] == f'/v1/jobs/{ticket["id"]}'
    assert ticket['state'] == 'queued'

    job = server.finished(ticket['id'])
    assert (job['state'], job['verdict'], job['exit_code'], job['attempt']) == ('finished', 'ok', 0, 1)
    assert (job['stdout'], job['stdout_encoding'], job['stdout_bytes']) == ('hi\n', 'utf-8', 3)
    assert (job['stderr'], job['stderr_encoding'], job['stderr_bytes']) == ('no\n', 'utf-8', 3)
    assert job['tags'] == {'a': 'b'}
    assert job['source_sha256'] == hashlib.sha256(b'out hi\nerr no').hexdigest()
    assert job['created_at'] <= job['started_at'] <= job['finished_at']
    assert uuid.UUID(job['id']).version == 7


def test_its_parts_are_bytes(server, worker):
    job = server.submit('raw ff00fe', 'err !', wait=20)
    assert (job['stdout'], job['stdout_encoding']) == ('/wD+', 'base64')
    assert server.get(job['links']['stdout']).body == b'\xff\0\xfe'
    assert server.get(job['links']['stderr']).body == b'!\n'
    source = server.get(job['links']['source'])
    assert source.body == b'raw ff00fe\nerr !'
    assert source.headers['Content-Type'] == 'text/plain; charset=utf-8'
    assert server.get(job['links']['stdout']).headers['X-RCE-Truncated'] == 'false'


def test_long_output_is_whole(server, worker):
    job = server.submit('fill 300000', wait=20)
    expected = (b'0123456789' * 30000)
    assert job['stdout'].encode() == expected
    assert job['stdout_bytes'] == 300000
    assert server.get(job['links']['stdout']).body == expected


def test_waiting_ends_with_the_job(server, worker):
    job = server.submit('out hi', 'exit 3', wait=20)
    assert (job['state'], job['verdict'], job['exit_code']) == ('finished', 'runtime_error', 3)


def test_waiting_ends_when_its_time_is_over(server, worker):
    answer = server.post('/v1/jobs?wait=100ms', {'language': 'python', 'source': 'wait over'})
    assert answer.status == 202
    assert answer.json['state'] == 'queued'
    server.engine.open_gate('over')
    assert server.finished(answer.json['id'])['verdict'] == 'ok'


def test_a_client_that_does_not_wait_any_more_changes_nothing(server, worker):
    with server.connect() as s:
        body = b'{"language":"python","source":"out gone\\nwait gone","tags":{"left":"yes"}}'
        s.sendall(b'POST /v1/jobs?wait=60 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
                  b'Content-Length: %d\r\n\r\n%b' % (len(body), body))
        jobs = wait_until(lambda: server.get('/v1/jobs?tag=left=yes&state=running').json['jobs'], 'the job')
    server.engine.open_gate('gone')
    assert server.finished(jobs[0]['id'])['stdout'] == 'gone\n'


def test_all_of_a_request_is_kept(server, worker):
    asked = {'language': 'py', 'source': 'out x', 'stdin': 'AAE=', 'stdin_encoding': 'base64', 'args': ['-a', 'ü'],
             'env': {'SECRET': 'geheim'}, 'limits': {'memory_bytes': 2 ** 27, 'wall_usec': 2000000}, 'lint': 'strict',
             'priority': 'high', 'tags': {'k': 'v=w'}}
    job = server.finished(server.post('/v1/jobs', asked).json['id'])
    assert job['language'] == 'python', 'an alias stands for its language'
    assert (job['args'], job['limits'], job['lint']) == (asked['args'], asked['limits'], 'strict')
    assert (job['priority'], job['tags']) == ('high', {'k': 'v=w'})
    assert 'geheim' not in str(job)
    row = server.engine.sql(f"SELECT stdin = '\\x0001', spec->'env'->>'SECRET' FROM rce.jobs WHERE id = '{job['id']}'")
    assert row == 't|geheim'


def test_the_language_is_guessed_by_imports(server, worker):
    assert server.finished(server.post('/v1/jobs', {'source': 'out x'}).json['id'])['language'] == 'python'
    job = server.post('/v1/jobs', {'source': 'out x\n  import numpy as np, os'}).json['id']
    assert server.finished(job)['language'] == 'datascience'


# --- names of requests

def test_a_request_sent_twice_is_one_job(server, worker):
    document = {'language': 'python', 'source': 'out once'}
    first = server.post('/v1/jobs', document, Idempotency_Key='twice')
    second = server.post('/v1/jobs', document, Idempotency_Key='twice')
    assert (first.status, second.status) == (202, 202)
    assert first.json['id'] == second.json['id']
    assert first.headers['Idempotent-Replayed'] is None
    assert second.headers['Idempotent-Replayed'] == 'true'
    waited = server.post('/v1/jobs?wait=20', document, Idempotency_Key='twice')
    assert (waited.status, waited.json['id'], waited.json['stdout']) == (200, first.json['id'], 'once\n')
    assert waited.headers['Idempotent-Replayed'] == 'true'


def test_many_at_once_are_one_job(server, worker):
    answers = []

    def ask():
        answers.append(server.post('/v1/jobs', {'language': 'python', 'source': 'out race'}, Idempotency_Key='race'))
    threads = [threading.Thread(target=ask) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {a.status for a in answers} == {202}
    assert len({a.json['id'] for a in answers}) == 1
    assert sum(a.headers['Idempotent-Replayed'] is None for a in answers) == 1


def test_a_name_used_for_another_request_is_refused(server):
    server.post('/v1/jobs', {'language': 'python', 'source': 'out a'}, Idempotency_Key='other')
    answer = server.post('/v1/jobs', {'language': 'python', 'source': 'out b'}, Idempotency_Key='other')
    assert (answer.status, answer.code, answer.json['field']) == (422, 'key_reused', 'Idempotency-Key')


@pytest.mark.parametrize('key', ['', 'x' * 256, 'a\tb', 'ü'])
def test_a_name_that_is_none_is_refused(server, key):
    answer = server.post('/v1/jobs', {'source': 'out a'}, Idempotency_Key=key.encode())
    assert (answer.status, answer.code) == (400, 'invalid_request')


def test_clients_have_names_of_their_own(server):
    class Unix(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(GUARD)
            self.sock.connect(server.unix_path)

    headers = {'Content-Type': 'application/json', 'Idempotency-Key': 'shared'}
    body = '{"language":"python","source":"out a"}'
    tcp = server.request('POST', '/v1/jobs', body, headers)
    connection = Unix('localhost')
    connection.request('POST', '/v1/jobs', body, headers)
    unix = Answer(connection.getresponse())
    connection.close()
    assert (tcp.status, unix.status) == (202, 202)
    assert tcp.json['id'] != unix.json['id']


# --- lists

def test_pages_have_every_job_once_the_newest_first(server, worker):
    ids = [server.submit(f'out {i}', tags={'page': 'x'})['id'] for i in range(7)]
    seen, cursor = [], ''
    while True:
        page = server.get(f'/v1/jobs?tag=page=x&limit=3{cursor}').json
        assert len(page['jobs']) <= 3
        seen += [job['id'] for job in page['jobs']]
        if not page['next_cursor']:
            break
        cursor = f'&cursor={page["next_cursor"]}'
    assert seen == ids[::-1]
    assert 'stdout' not in page['jobs'][0]


def test_lists_are_filtered(server, worker):
    done = server.submit('out x', wait=20, tags={'filter': 'x'})['id']
    held = server.submit('wait filter', language='datascience', tags={'filter': 'x'})['id']

    def ids(query):
        return [job['id'] for job in server.get(f'/v1/jobs?tag=filter=x&{query}').json['jobs']]
    wait_until(lambda: ids('state=running') == [held], 'a running job')
    assert ids('state=finished') == [done]
    assert ids('language=datascience') == [held]
    assert ids('language=cobol') == []
    server.engine.open_gate('filter')
    server.finished(held)


# --- cancelling, forgetting

def test_a_waiting_job_is_cancelled_at_once(own):
    server = own().start()
    job = server.submit('out never')['id']
    answer = server.delete(f'/v1/jobs/{job}')
    assert (answer.status, answer.json['state']) == (200, 'cancelled')
    assert server.delete(f'/v1/jobs/{job}').status == 200
    told = server.get(f'/v1/jobs/{job}').json
    assert (told['state'], told['verdict'], told['attempt']) == ('cancelled', 'cancelled', 0)
    with own.engine.worker():
        assert server.submit('out next', wait=20)['stdout'] == 'next\n'
    assert server.get(f'/v1/jobs/{job}').json['attempt'] == 0


def test_a_running_job_is_cancelled_by_its_worker(server, worker):
    job = server.submit('out begun', 'wait never')['id']
    wait_until(lambda: server.get(f'/v1/jobs/{job}').json['state'] == 'running', 'a running job')
    answer = server.delete(f'/v1/jobs/{job}')
    assert (answer.status, answer.json['state']) == (202, 'running')
    told = server.finished(job)
    assert (told['state'], told['verdict'], told['stdout']) == ('cancelled', 'cancelled', 'begun\n')
    assert told['cancel_requested']


def test_a_finished_job_is_forgotten_when_asked_to(server, worker):
    job = server.submit('out x', wait=20)['id']
    answer = server.delete(f'/v1/jobs/{job}')
    assert (answer.status, answer.code) == (409, 'job_finished')
    assert server.delete(f'/v1/jobs/{job}?purge=1').status == 204
    answer = server.get(f'/v1/jobs/{job}')
    assert (answer.status, answer.code) == (404, 'unknown_job')
    assert server.delete(f'/v1/jobs/{job}?purge=1').status == 404


def test_an_unfinished_job_is_not_forgotten(server, worker):
    job = server.submit('wait kept')['id']
    answer = server.delete(f'/v1/jobs/{job}?purge=1')
    assert (answer.status, answer.code) == (409, 'job_unfinished')
    server.engine.open_gate('kept')
    assert server.finished(job)['verdict'] == 'ok'


def test_output_of_an_unfinished_job_is_not_there_yet(server, worker):
    job = server.submit('out x', 'wait output')
    answer = server.get(job['links']['stdout'])
    assert (answer.status, answer.code) == (404, 'no_output')
    server.engine.open_gate('output')
    server.finished(job['id'])
