# SPDX-License-Identifier: Apache-2.0
"""Following jobs: every byte once, in order, whoever comes when."""

import threading

from engine import EventSource, collect, metric, output, wait_until


def test_a_job_is_followed_as_it_runs(server, worker):
    job = server.submit('out one', 'watched', 'err two', 'wait live', 'out three')['id']
    source = server.events(job)
    assert source.status == 200
    events, it = [], iter(source)
    while not any(e['type'] == 'stderr' for e in events):
        events.append(next(it))
    assert output(events) == b'one\n'
    server.engine.open_gate('live')
    events += list(it)
    assert output(events) == b'one\nthree\n'
    assert output(events, 'stderr') == b'two\n'
    assert [e['type'] for e in events][0] == 'state'
    assert events[-1]['type'] == 'exit'
    assert (events[-1]['job']['verdict'], events[-1]['job']['stdout_bytes']) == ('ok', 10)
    assert [e['state'] for e in events if e['type'] == 'state'][-1] == 'finished'


def test_who_comes_late_gets_all_of_it(server, worker):
    job = server.submit('out one', 'err two', 'raw ff', wait=20)['id']
    events = collect(server.events(job))
    assert output(events) == b'one\n\xff'
    assert output(events, 'stderr') == b'two\n'
    assert events[-1]['type'] == 'exit'


def test_a_websocket_has_the_same_events(server, worker):
    job = server.submit('out one', 'watched', 'out two', 'exit 1')['id']
    ws = server.socket(f'/v1/jobs/{job}/stream')
    assert ws.status == 101
    events = collect(ws)
    assert output(events) == b'one\ntwo\n'
    assert events[-1]['job']['verdict'] == 'runtime_error'
    assert ws.closed == 1000


def test_a_message_to_a_job_is_answered_by_an_error(server, worker):
    job = server.submit('wait message')['id']
    ws = server.socket(f'/v1/jobs/{job}/stream')
    it = iter(ws)
    assert next(it)['type'] == 'state'
    ws.send(b'{"type":"stdin","data":"x"}')
    error = next(e for e in it if e['type'] == 'error')
    assert error['code'] == 'invalid_request'
    server.engine.open_gate('message')
    assert list(it)[-1]['type'] == 'exit'


def test_who_was_cut_off_goes_on_where_he_was(server, worker):
    job = server.submit('out one', 'watched', 'wait again', 'out two')['id']
    source = server.events(job)
    events = []
    for event in source:
        events.append(event)
        if event['type'] == 'stdout':
            break
    source.close()
    server.engine.open_gate('again')
    server.finished(job)
    rest = collect(server.events(job, last=source.last))
    assert [e['data'] for e in rest if e['type'] == 'stdout'] == ['two\n']
    assert output(events + rest) == b'one\ntwo\n'


def test_characters_are_not_cut_in_two(server, worker):
    job = server.submit('raw e2', 'watched', 'raw 82', 'wait euro', 'raw ac0a')['id']
    source = server.events(job)
    it = iter(source)
    assert next(it)['type'] == 'state'
    server.engine.open_gate('euro')
    assert [e['data'] for e in it if e['type'] == 'stdout'] == ['€\n']


def test_five_hundred_follow_one_job_whenever_they_come(server, worker):
    n, results, threads = 500, [], []
    job = server.submit('out begin', 'watched', 'wait crowd', 'fill 50000', 'wait crowd-end', 'out end')['id']

    def follow(i):
        events = collect(server.events(job) if i % 2 else server.socket(f'/v1/jobs/{job}/stream'))
        results.append((output(events), events[-1]['type']))

    def come(upto):
        for i in range(len(threads), upto):
            threads.append(threading.Thread(target=follow, args=(i,)))
            threads[-1].start()
        wait_until(lambda: metric(server, 'rce_api_watchers') == upto, f'{upto} of them')
    come(200)
    server.engine.open_gate('crowd')
    come(400)
    server.engine.open_gate('crowd-end')
    server.finished(job)
    for i in range(400, n):
        threads.append(threading.Thread(target=follow, args=(i,)))
        threads[-1].start()
    for t in threads:
        t.join()
    assert len(results) == n
    assert set(results) == {(b'begin\n' + b'0123456789' * 5000 + b'end\n', 'exit')}
    wait_until(lambda: metric(server, 'rce_api_watchers') == 0, 'all gone')
    assert metric(server, 'rce_api_held_bytes') == 0


def test_what_a_lost_attempt_printed_is_not_told_twice(own):
    server = own().start()
    with own.engine.worker() as first:
        job = server.submit('out one', 'watched', 'wait attempt', 'out two')['id']
        source = server.events(job)
        it, events = iter(source), []
        while not any(e['type'] == 'stdout' for e in events):
            events.append(next(it))
        first.kill()
        first.wait()
    with own.engine.worker():
        while not any(e['type'] == 'stdout' and e['attempt'] == 2 for e in events):
            events.append(next(it))
        own.engine.open_gate('attempt')
        events += list(it)
    assert output(events) == b'one\ntwo\n'
    assert events[-1]['job']['attempt'] == 2


def test_a_waiting_job_is_followed_to_its_cancellation(own):
    server = own().start()
    job = server.submit('out never')['id']
    source = server.events(job)
    it = iter(source)
    assert next(it)['state'] == 'queued'
    server.delete(f'/v1/jobs/{job}')
    events = list(it)
    assert events[-1]['job']['verdict'] == 'cancelled'
    assert [e['state'] for e in events if e['type'] == 'state'] == ['cancelled']


def test_head_of_a_stream_is_only_a_head(server, worker):
    job = server.submit('out x', wait=20)['id']
    answer = server.request('HEAD', f'/v1/jobs/{job}/events')
    assert (answer.status, answer.headers['Content-Type'], answer.body) == (200, 'text/event-stream', b'')


def test_jobs_that_are_not_there_cannot_be_followed(server):
    job = '01890a5d-ac96-774b-bcce-b302099a8057'
    assert server.get(f'/v1/jobs/{job}/events').code == 'unknown_job'
    for path in f'/v1/jobs/{job}/stream', f'/ws/{job}':
        ws = server.socket(path)
        assert (ws.status, b'unknown_job' in ws.body) == (404, True)
    assert EventSource(server, '/v1/jobs/x/events').status == 404


# --- the compatible endpoints

def test_a_websocket_of_the_compatible_kind(server, worker):
    job = server.submit('out one', 'watched', 'wait legacy', 'err two')['id']
    ws = server.socket(f'/ws/{job}')
    messages, it = [], iter(ws)
    while not messages or messages[-1]['logs'] != 'one\n':
        messages.append(next(it))
    assert messages[-1] == {'job_id': job, 'status': 'PROCESSING', 'logs': 'one\n'}
    server.engine.open_gate('legacy')
    messages += list(it)
    assert messages[-1] == {'job_id': job, 'status': 'COMPLETED', 'logs': 'one\ntwo\n'}
    assert ws.closed == 1000
