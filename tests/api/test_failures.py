# SPDX-License-Identifier: Apache-2.0
"""What is taken is not lost, whatever is killed in between."""

import hashlib
import os
import signal
import subprocess
import threading
import time

from engine import wait_until


def broker(engine, *command):
    subprocess.run([os.environ['RCE_RABBITMQ'], *command], check=True, stdout=subprocess.DEVNULL)


def postgres(*command):
    subprocess.run([os.environ['RCE_POSTGRES'], *command], check=True, stdout=subprocess.DEVNULL)


def submit_all(server, n, prefix):
    """What n clients were told: {id: what it must print}; others got an answer, or none."""
    taken, lock = {}, threading.Lock()

    def client(i):
        for k in range(n // 8):
            text = f'{prefix}-{i}-{k}'
            try:
                answer = server.post('/v1/jobs', {'language': 'python', 'source': f'out {text}'})
            except OSError:
                continue
            assert answer.status in (202, 503), answer.text
            if answer.status == 202:
                with lock:
                    taken[answer.json['id']] = text + '\n'
    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    return threads, taken


def check_all(server, threads, taken):
    for t in threads:
        t.join()
    assert taken
    for job, text in taken.items():
        told = server.finished(job)
        assert (told['verdict'], told['stdout']) == ('ok', text)


def test_a_server_that_is_killed_comes_back_and_publishes_what_it_owed(own):
    server = own().start()
    with own.engine.worker():
        threads, taken = submit_all(server, 240, 'killed')
        for _ in range(3):
            before = len(taken)
            wait_until(lambda: len(taken) > before + 10 or not any(t.is_alive() for t in threads), 'some jobs')
            server.stop(signal.SIGKILL)
            server.start()
        check_all(server, threads, taken)


def test_jobs_are_taken_while_the_broker_is_away(own):
    server = own().start()
    broker(own.engine, 'stop')
    try:
        wait_until(lambda: server.get('/readyz').json['backends']['broker'] == 'unavailable', 'notice')
        assert server.get('/readyz').status == 200
        jobs = [server.submit(f'out away-{i}')['id'] for i in range(20)]
        assert {job['state'] for job in server.get('/v1/jobs').json['jobs']} == {'queued'}
    finally:
        broker(own.engine, 'start')
    with own.engine.worker():
        for i, job in enumerate(jobs):
            assert server.finished(job)['stdout'] == f'away-{i}\n'


def test_a_restart_of_the_broker_loses_nothing(own):
    server = own().start()
    with own.engine.worker():
        threads, taken = submit_all(server, 240, 'restart')
        wait_until(lambda: len(taken) > 20, 'some jobs')
        broker(own.engine, 'stop')
        broker(own.engine, 'start')
        check_all(server, threads, taken)


def test_who_follows_a_job_gets_all_of_it_over_a_restart_of_the_broker(own):
    server = own().start()
    with own.engine.worker():
        job = server.submit('out one', 'watched', 'wait broker', 'out two')['id']
        it, events = iter(server.events(job)), []
        while not any(e['type'] == 'stdout' for e in events):
            events.append(next(it))
        broker(own.engine, 'stop')
        own.engine.open_gate('broker')
        broker(own.engine, 'start')
        events += list(it)
    assert ''.join(e['data'] for e in events if e['type'] == 'stdout') == 'one\ntwo\n'
    assert events[-1]['job']['attempt'] == 1


def test_a_job_the_broker_gives_up_is_finished(own):
    server = own().start()
    with own.engine.worker():
        source = server.events(server.submit('refuse')['id'])
        told = list(source)[-1]['job']
        assert (told['verdict'], told['attempt']) == ('internal_error', 0)
        assert told['reason'] == 'Each worker it was given to was lost before it could begin'
        # Others go their way.
        assert server.submit('out x', wait=20)['stdout'] == 'x\n'
    assert 'rce_api_dead_letters_total 1' in server.get('/metrics').text


def test_messages_the_broker_loses_are_published_again(own):
    server = own().start()
    jobs = [server.submit(f'out lost-{i}')['id'] for i in range(3)]
    wait_until(lambda: 'rce_api_messages_published_total 3' in server.get('/metrics').text, 'all published')
    broker(own.engine, 'ctl', 'purge_queue', '--vhost', own.engine.database, 'rce.jobs.python.normal')
    # Nobody worries about those that wait for a moment only.
    recent = server.submit('out recent')['id']
    own.engine.sql(f"UPDATE rce.jobs SET created_at = now() - interval '2 minutes' WHERE id <> '{recent}'")
    with own.engine.worker():
        for i, job in enumerate(jobs):
            assert server.finished(job)['stdout'] == f'lost-{i}\n'
        assert server.finished(recent)['attempt'] == 1
    assert 'rce_api_jobs_adopted_total 3' in server.get('/metrics').text


def test_while_the_database_is_away_nothing_is_promised(own):
    server = own().start()
    with own.engine.worker():
        before = server.submit('out before', wait=20)
        postgres('stop')
        try:
            wait_until(lambda: server.get('/readyz').status == 503, 'notice')
            assert server.get('/healthz').status == 200
            answer = server.post('/v1/jobs', {'language': 'python', 'source': 'out x'})
            assert (answer.status, answer.code) == (503, 'unavailable')
            assert int(answer.headers['Retry-After']) > 0
            assert server.get(f'/v1/jobs/{before["id"]}').code == 'unavailable'
            assert server.get('/metrics').status == 200
        finally:
            postgres('start')
        wait_until(lambda: server.get('/readyz').status == 200, 'recovery')
        assert server.submit('out after', wait=20)['stdout'] == 'after\n'
        assert server.get(f'/v1/jobs/{before["id"]}').json['stdout'] == 'before\n'


def test_a_restart_of_the_database_loses_nothing(own):
    server = own().start()
    with own.engine.worker():
        threads, taken = submit_all(server, 240, 'database')
        wait_until(lambda: len(taken) > 20, 'some jobs')
        postgres('restart')
        check_all(server, threads, taken)


def test_blobs_that_cannot_be_stored_are_not_promised(own):
    # Nobody listens there.
    server = own(config='Place=s3+http://127.0.0.1:1/rce\n')
    for name in 's3-access-key', 's3-secret-key':
        (server.credentials / name).write_text('x')
    server.process = server.spawn()
    wait_until(lambda: server.get('/readyz').json['backends'] == {'database': 'ok', 'broker': 'ok', 'blobs': 'unavailable'},
               'a server without blobs')
    assert server.get('/readyz').status == 503
    job = {'language': 'python', 'source': 'out again'}
    answer = server.post('/v1/jobs', job, Idempotency_Key='one')
    assert (answer.status, answer.code) == (503, 'unavailable')
    assert server.get('/v1/jobs').json['jobs'] == []

    # Nor is anything left that asking again would be answered with.
    server.stop()
    server.config('')
    server.start()
    answer = server.post('/v1/jobs', job, Idempotency_Key='one')
    assert (answer.status, answer.headers['Idempotent-Replayed']) == (202, None)
    with own.engine.worker():
        assert server.finished(answer.json['id'])['stdout'] == 'again\n'


def test_blobs_go_when_no_job_can_name_them_any_more(own):
    def blob_of(source):
        key = hashlib.sha256(source.encode()).hexdigest()
        return own.engine.blobs / key[:2] / key

    server = own().start()
    for name in 'old', 'recent':
        server.submit(f'out {name}')
    old, recent = blob_of('out old'), blob_of('out recent')
    assert old.exists() and recent.exists()
    server.stop()
    then = time.time() - 10 * 24 * 3600
    os.utime(old, (then, then))
    server.start()
    wait_until(lambda: not old.exists(), 'the old one gone')
    wait_until(lambda: 'rce_api_blobs_collected_total 1' in server.get('/metrics').text, 'its being counted')
    assert recent.exists()


def test_stopping_answers_what_is_under_way(own):
    server = own().start()
    with own.engine.worker():
        job = server.submit('out x', 'watched', 'wait stopping')['id']
        source = server.events(job)
        it = iter(source)
        assert next(it)['type'] == 'state'
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(
            server.post('/v1/jobs?wait=60', {'language': 'python', 'source': 'wait stopping'})))
        waiting.start()
        wait_until(lambda: len(server.get('/v1/jobs?state=running').json['jobs']) == 2, 'both jobs')
        assert server.stop() == 0
        waiting.join()
        assert answers[0].status == 202
        assert [e for e in it][-1] == {'type': 'error', 'code': 'shutting_down',
                                       'detail': 'This server is about to stop; another one, or the next, will answer'}
        server.start()
        own.engine.open_gate('stopping')
        assert server.finished(job)['stdout'] == 'x\n'
        assert server.finished(answers[0].json['id'])['verdict'] == 'ok'


def test_another_of_the_same_name_takes_its_place(own):
    server = own().start()
    second = server.spawn()
    try:
        assert server.process.wait(60) == 1
        assert 'two need --name' in server.log()
        server.process = None
    finally:
        second.terminate()
        second.wait(60)


def test_jobs_of_a_server_that_never_came_back_are_adopted_by_another(own):
    first = own(name='first').start()
    broker(own.engine, 'stop')
    try:
        wait_until(lambda: first.get('/readyz').json['backends']['broker'] == 'unavailable', 'notice')
        job = first.submit('out orphan')['id']
        first.stop(signal.SIGKILL)
    finally:
        broker(own.engine, 'start')
    # It was never heard of again.
    own.engine.sql("UPDATE rce.apis SET seen_at = now() - interval '1 minute' WHERE name = 'first'")
    second = own(name='second').start()
    with own.engine.worker():
        # Whoever has just come does not judge who is silent.
        assert second.finished(job, guard=90)['stdout'] == 'orphan\n'
    assert 'rce_api_jobs_adopted_total 1' in second.get('/metrics').text
