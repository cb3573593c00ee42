# SPDX-License-Identifier: Apache-2.0
"""rcectl as a client of a real server, over connections that break and servers that go."""

import contextlib
import http.server
import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading

import pytest

from engine import GUARD, wait_until

NOBODY = '01890a5d-ac96-774b-bcce-b302099a8057'


class Rcectl:
    """The program, with files of one test, and the server it is to use."""

    def __init__(self, directory, server):
        self.directory = directory
        self.address = server if isinstance(server, str) else f'unix:{server.unix_path}'

    def file(self, *script, name='main.py'):
        path = self.directory / name
        path.write_text('\n'.join(script))
        return str(path)

    def argv(self, verb, *arguments):
        return [os.environ['RCECTL'], verb, '--server', self.address, *arguments]

    def __call__(self, verb, *arguments, stdin=b'', **options):
        return subprocess.run(self.argv(verb, *arguments), input=stdin, capture_output=True, timeout=GUARD, check=False,
                              **options)

    def json(self, verb, *arguments):
        done = self(verb, '--json', *arguments)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def submit(self, *script, options=()):
        done = self('submit', *options, self.file(*script))
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    @contextlib.contextmanager
    def start(self, verb, *arguments, **options):
        process = subprocess.Popen(self.argv(verb, *arguments), stdin=subprocess.DEVNULL,
                                   **{'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE} | options)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def rcectl(tmp_path, server, worker):
    return Rcectl(tmp_path, server)


def ends(process, guard=GUARD):
    out, err = process.communicate(timeout=guard)
    return process.returncode, out.decode(), err.decode()


class Proxy:
    """Stands between rcectl and a server, and loses connections."""

    def __init__(self, server):
        self.server, self.pairs, self.lock = server, [], threading.Lock()
        self.forget_answers = 0     # so many of them are swallowed, and the connection with them
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.address = f'http://127.0.0.1:{self.listener.getsockname()[1]}'
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                upstream = self.server.connect()
                with self.lock:
                    self.pairs.append((client, upstream))
                threading.Thread(target=self.pump, args=(client, upstream, False), daemon=True).start()
                threading.Thread(target=self.pump, args=(upstream, client, True), daemon=True).start()

    def pump(self, source, target, answers):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers and self.forget_answers > 0:
                    self.forget_answers -= 1
                    break
                target.sendall(data)
        for s in source, target:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def cut(self):
        with self.lock:
            for pair in self.pairs:
                for s in pair:
                    with contextlib.suppress(OSError):
                        s.shutdown(socket.SHUT_RDWR)
            self.pairs.clear()

    def close(self):
        self.listener.close()
        self.cut()


@pytest.fixture
def proxy(server, worker):
    proxy = Proxy(server)
    yield proxy
    proxy.close()


class Pretender(http.server.BaseHTTPRequestHandler):
    """Answers as its server's list says, and keeps what it was asked."""

    protocol_version = 'HTTP/1.1'

    def answer(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        status, headers, body = self.server.answers.pop(0)
        self.send_response(status)
        for name, value in ({'Content-Length': str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def pretender():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Pretender)
    server.answers, server.asked = [], []
    server.address = f'http://127.0.0.1:{server.server_port}'
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def document(content, status=200, **headers):
    return status, {'Content-Type': 'application/json'} | headers, json.dumps(content).encode()


# --- running


def test_output_comes_live_and_the_exit_code_is_the_program_s(rcectl, engine):
    with rcectl.start('run', rcectl.file('out one', 'watched', 'err two', 'wait rcectl', 'out three', 'exit 7')) as process:
        assert process.stdout.readline() == b'one\n'
        engine.open_gate('rcectl')
        code, out, err = ends(process)
    assert (code, out) == (7, 'three\n')
    assert re.fullmatch(r'two\nruntime_error: exit 7, 1ms wall, 500us cpu, 1.0M memory \(job [0-9a-f-]{36}\)\n', err), err


def test_quiet_says_nothing_of_a_program_that_ended_well(rcectl):
    done = rcectl('run', '-q', rcectl.file('raw 00ff80', 'err e'))
    assert (done.returncode, done.stdout, done.stderr) == (0, b'\x00\xff\x80', b'e\n')


def test_json_is_the_server_s_document(rcectl, server):
    job = rcectl('run', '--json', rcectl.file('out x', 'exit 3'))
    assert (job.returncode, job.stderr) == (3, b'')
    document = json.loads(job.stdout)
    assert document == server.get(f'/v1/jobs/{document["id"]}').json
    assert (document['stdout'], document['verdict']) == ('x\n', 'runtime_error')


def test_what_is_asked_for_arrives(rcectl, server):
    done = rcectl('submit', '--json', '-l', 'py', '--time', '2s', '--limit', 'processes=7', '--memory', '64M', '-e', 'A=b=c',
                  '--lint', 'strict', '--priority', 'high', '--tag', 'a=1', '--tag', 'ü&=2 3', '-a', 'first', '--',
                  rcectl.file('out'), 'second', '--third', stdin=b'in\xff')
    assert done.returncode == 0, done.stderr.decode()
    job = server.finished(json.loads(done.stdout)['id'])
    assert job['args'] == ['first', 'second', '--third']
    assert job['limits'] == {'wall_usec': 2000000, 'processes': 7, 'memory_bytes': 64 << 20}
    assert (job['language'], job['lint'], job['priority'], job['tags']) == ('python', 'strict', 'high', {'a': '1', 'ü&': '2 3'})
    row = server.engine.sql(f"SELECT encode(stdin, 'hex'), spec->'env' FROM rce.jobs WHERE id = '{job['id']}'")
    assert row == '696eff|{"A": "b=c"}'
    assert [j['id'] for j in rcectl.json('list', '--tag', 'ü&=2 3')] == [job['id']]


def test_the_ending_and_the_imports_tell_the_language(rcectl):
    assert rcectl.json('run', rcectl.file('import pandas'))['language'] == 'datascience'
    assert rcectl.json('run', rcectl.file('out import'))['language'] == 'python'
    assert rcectl.json('run', rcectl.file('out x', name='odd.ending'))['language'] == 'python'
    done = rcectl('run', '--json', '-', stdin=b'out x')
    assert json.loads(done.stdout)['language'] == 'python'


def test_standard_input_is_sent_along_unless_the_program_came_from_there(rcectl, server):
    done = rcectl('submit', '-', stdin=b'out x')
    assert server.engine.sql(f"SELECT stdin IS NULL FROM rce.jobs WHERE id = '{done.stdout.decode().strip()}'") == 't'


def test_a_terminal_is_read_only_when_that_is_asked_for(rcectl, server):
    ours, terminal = pty.openpty()
    os.write(ours, b'typed\n\4')
    for options, stdin in [[], ''], [['--stdin', '-'], 'typed\n']:
        done = subprocess.run(rcectl.argv('submit', *options, rcectl.file('out')), stdin=terminal, capture_output=True,
                              timeout=GUARD, check=True)
        job = done.stdout.decode().strip()
        assert server.engine.sql(f"SELECT convert_from(stdin, 'utf8') FROM rce.jobs WHERE id = '{job}'") == stdin.strip()
    os.close(ours)
    os.close(terminal)


def test_input_that_does_not_come_is_told(rcectl, server):
    ours, theirs = os.pipe()
    process = subprocess.Popen(rcectl.argv('submit', rcectl.file('out')), stdin=ours, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    os.close(ours)
    assert b'Reading standard input to its end' in process.stderr.readline()
    os.write(theirs, b'late')
    os.close(theirs)
    code, job, _ = ends(process)
    assert code == 0
    assert server.engine.sql(f"SELECT convert_from(stdin, 'utf8') FROM rce.jobs WHERE id = '{job.strip()}'") == 'late'


def test_a_watched_file_is_run_again_and_what_ran_is_cancelled(rcectl, server):
    program = rcectl.file('out one', 'watched', 'wait never')
    with rcectl.start('run', '--watch', program) as process:
        assert process.stdout.readline() == b'one\n'
        rcectl.file('out two')
        assert process.stdout.readline() == b'two\n'
        lines = iter(process.stderr.readline, b'')
        first = next(re.search(r'cancelled.* \(job (\S+)\)', line.decode()) for line in lines)
        assert server.get(f'/v1/jobs/{first[1]}').json['verdict'] == 'cancelled'
        while b'Waiting for' not in next(lines):
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(GUARD) == 130


@pytest.mark.parametrize('options, program, code, message', [
    ((), 'a\0b', 126, '.*NUL'),
    ((), '', 126, '.*empty'),
    (('-l', 'cobol'), 'out', 127, '.*cobol'),
    (('--memory', '1T'), 'out', 2, '.*memory'),
    (('--lint', 'off'), 'out', 2, '.*stricter'),
    (('--limit', 'sleep=1'), 'out', 2, '.*sleep'),
    (('--limit', 'memory'), 'out', 2, '.*NAME=VALUE'),
    (('--stdin', '/missing'), 'out', 2, '/missing: No such file'),
    (('--tag', 'x=' + 'y' * 300), 'out', 2, '.*tag'),
])
def test_what_is_wrong_is_said(rcectl, options, program, code, message):
    for verb in 'run', 'submit':
        done = rcectl(verb, *options, rcectl.file(program))
        assert (done.returncode, done.stdout) == (code, b''), done.stderr
        assert re.fullmatch(rf'rcectl: \S*main.py: {message}.*\n', done.stderr.decode()), done.stderr


def test_more_input_than_the_server_takes(rcectl):
    done = rcectl('submit', rcectl.file('out'), stdin=b'x' * (2 << 20))
    assert done.returncode == 2 and b'stdin' in done.stderr, done.stderr
    done = rcectl('submit', rcectl.file('out'), stdin=b'\xff' * (20 << 20))
    assert done.returncode in (2, 125) and re.search(rb'large', done.stderr), done.stderr


def test_a_long_output_is_whole(rcectl):
    done = rcectl('run', rcectl.file('watched', 'fill 5000000'))
    assert done.stdout == b'0123456789' * 500000
    done = rcectl('logs', re.search(r'job ([^)\s]+)', done.stderr.decode())[1])
    assert done.stdout == b'0123456789' * 500000


# --- interrupting


def test_ctrl_c_cancels_what_runs(rcectl, server):
    with rcectl.start('run', rcectl.file('out here', 'watched', 'wait never')) as process:
        assert process.stdout.readline() == b'here\n'
        process.send_signal(signal.SIGINT)
        code, _, err = ends(process)
    assert code == 130
    job = re.search(r'cancelled.* \(job (\S+)\)', err)[1]
    assert server.get(f'/v1/jobs/{job}').json['verdict'] == 'cancelled'


def test_ctrl_c_cancels_what_waits_and_people_are_told_for_what(tmp_path, own):
    server = own().start()
    rcectl = Rcectl(tmp_path, server)
    with rcectl.start('run', rcectl.file('out')) as process:
        line = process.stderr.readline().decode()
        assert re.fullmatch(r'Job \S+ waits: no worker is running; .*\n', line), line
        assert [(q['state'], q['jobs']) for q in rcectl.json('queue')] == [('queued', 1)]
        process.send_signal(signal.SIGINT)
        code, _, err = ends(process)
    assert (code, server.get(f'/v1/jobs/{line.split()[1]}').json['state']) == (130, 'cancelled')
    assert re.fullmatch(r'cancelled.* \(job \S+\)\n', err), err


def test_who_is_asked_twice_does_not_wait(tmp_path, own):
    server = own().start()
    rcectl = Rcectl(tmp_path, server)
    with rcectl.start('run', rcectl.file('out')) as process:
        process.stderr.readline()
        server.process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGTERM)
        code, _, err = ends(process)
        server.process.send_signal(signal.SIGCONT)
    assert code == 130 and 'may still run' in err


def test_a_job_whose_output_nobody_reads_is_cancelled(rcectl, server):
    script = rcectl.file('out one', 'watched', 'wait nobody', 'out two', 'wait never')
    with rcectl.start('run', script) as process:
        assert process.stdout.readline() == b'one\n'
        process.stdout.close()
        server.engine.open_gate('nobody')
        assert process.wait(GUARD) == 128 + signal.SIGPIPE
        job = re.search(r'job ([^)\s]+)', process.stderr.read().decode())[1]
    assert server.finished(job)['verdict'] == 'cancelled'


# --- what breaks


def test_a_lost_connection_goes_on_where_it_was(tmp_path, proxy, engine):
    rcectl = Rcectl(tmp_path, proxy.address)
    with rcectl.start('run', rcectl.file('out one', 'watched', 'err e', 'wait lost', 'out two', 'exit 4')) as process:
        assert process.stdout.readline() == b'one\n'
        proxy.cut()
        engine.open_gate('lost')
        code, out, err = ends(process)
    assert (code, out) == (4, 'two\n')
    assert err.count('e\n') >= 1 and 'Lost the server' in err and 'The server is back.' in err


def test_an_answer_that_is_lost_makes_no_second_job(tmp_path, proxy, server):
    before = int(server.engine.sql('SELECT count(*) FROM rce.jobs'))
    rcectl = Rcectl(tmp_path, proxy.address)
    proxy.forget_answers = 1
    done = rcectl('submit', '--language', 'python', rcectl.file('out once'))
    assert done.returncode == 0 and b'trying again' in done.stderr, done.stderr
    assert server.finished(done.stdout.decode().strip())['stdout'] == 'once\n'
    assert int(server.engine.sql('SELECT count(*) FROM rce.jobs')) == before + 1


def test_a_server_that_is_killed_is_waited_for(tmp_path, own):
    server = own().start()
    rcectl = Rcectl(tmp_path, server)
    with own.engine.worker(), rcectl.start('run', rcectl.file('out one', 'watched', 'wait killed', 'out two')) as process:
        assert process.stdout.readline() == b'one\n'
        server.stop(signal.SIGKILL)
        server.start()
        own.engine.open_gate('killed')
        code, out, err = ends(process)
    assert (code, out) == (0, 'two\n'), err
    assert 'Lost the server' in err


def test_a_job_that_begins_anew_shows_nothing_twice(tmp_path, own):
    server = own().start()
    rcectl = Rcectl(tmp_path, server)
    script = rcectl.file('out one', 'watched', 'out two', 'wait anew', 'out three', 'exit 5')
    with own.engine.worker() as worker, rcectl.start('run', script) as process:
        assert process.stdout.readline() + process.stdout.readline() == b'one\ntwo\n'
        worker.kill()
        worker.wait()
        own.engine.open_gate('anew')
        with own.engine.worker():
            code, out, err = ends(process, 60)
    assert (code, out) == (5, 'three\n'), err
    assert 'begins anew' in err and '(job ' in err


def test_a_server_that_is_full_is_asked_again(tmp_path, pretender):
    full = document({'status': 503, 'code': 'queue_full', 'detail': 'Many wait'}, 503, **{'Retry-After': '1'})
    pretender.answers = [full, document({'id': NOBODY, 'state': 'queued'}, 202)]
    rcectl = Rcectl(tmp_path, pretender.address)
    done = rcectl('submit', '-l', 'python', rcectl.file('out'))
    assert (done.returncode, done.stdout.decode().strip()) == (0, NOBODY)
    assert b'Not taken yet: Many wait; trying again' in done.stderr
    keys = {headers['Idempotency-Key'] for _, _, headers in pretender.asked}
    assert len(pretender.asked) == 2 and len(keys) == 1


def test_events_of_a_stream_that_ends_early_are_asked_for_from_the_last(tmp_path, pretender):
    events = [b'id: 1.0.0\ndata: {"type":"state","state":"running","attempt":1}\n\n'
              b'id: 1.2.0\ndata: {"type":"stdout","attempt":1,"offset":0,"data":"ab","encoding":"utf-8"}\n\nid: 1.9.9\n',
              b'data: {"type":"stdout","attempt":1,"offset":1,"data":"bc","encoding":"utf-8"}\n\n'
              b'data: {"type":"new","x":1}\n\ndata: {"type":"exit","job":{"verdict":"ok","exit_code":0}}\n\n']
    pretender.answers = [document({'id': NOBODY, 'state': 'queued'}, 202),
                         *[(200, {'Content-Type': 'text/event-stream'}, e) for e in events]]
    rcectl = Rcectl(tmp_path, pretender.address)
    done = rcectl('run', '-l', 'python', rcectl.file('out'))
    assert (done.returncode, done.stdout) == (0, b'abc'), done.stderr
    assert pretender.asked[-1][2]['Last-Event-ID'] == '1.2.0'


@pytest.mark.parametrize('answer', [
    (200, {'Content-Type': 'text/html'}, b'<html>It works!</html>'),
    (200, {'Content-Type': 'text/event-stream'}, b'data: {"type":"stdout","attempt":1}\n\n'),
    (200, {'Content-Type': 'text/event-stream'}, b'data: hello\n\n'),
    (404, {'Content-Type': 'text/html'}, b'<html>Not here</html>'),
])
def test_what_is_no_server_of_ours_is_told(tmp_path, pretender, answer):
    rcectl = Rcectl(tmp_path, pretender.address)
    for verb in [['logs', NOBODY], ['status', NOBODY]]:
        pretender.answers = [answer]
        done = rcectl(*verb)
        assert (done.returncode, done.stdout) == (125, b''), done.stderr
        assert re.match(r'rcectl: .+\n', done.stderr.decode())


def test_where_there_is_no_server(tmp_path):
    missing = Rcectl(tmp_path, f'unix:{tmp_path}/none.sock')
    for arguments in [['run', missing.file('out')], ['status', NOBODY], ['logs', '-f', NOBODY], ['queue']]:
        done = missing(*arguments)
        assert done.returncode == 125
        assert re.match(r'rcectl: There is no server at unix:.*: No such file or directory. .*systemctl start rce-api.socket.*'
                        r'--local.*\n$', done.stderr.decode())
    with socket.create_server(('127.0.0.1', 0)) as s:
        port = s.getsockname()[1]
    done = Rcectl(tmp_path, f'http://127.0.0.1:{port}')('workers')
    assert done.returncode == 125 and f'http://127.0.0.1:{port} cannot be reached'.encode() in done.stderr
    for address in 'ftp://x', 'unix:relative', 'http://', 'http://u:p@x', 'example.org':
        done = Rcectl(tmp_path, address)('workers')
        assert done.returncode == 2 and b'A server is unix:/PATH' in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can become somebody else')
def test_a_socket_for_others_says_for_whom(rcectl, server):
    os.chmod(server.unix_path, 0o660)
    for parent in list(rcectl.directory.parents)[:-1]:
        os.chmod(parent, os.stat(parent).st_mode | 0o111)
    path = server.unix_path
    for parent in [os.path.dirname(path), *map(str, server.directory.parents)]:
        os.chmod(parent, os.stat(parent).st_mode | 0o111)
    done = rcectl('queue', user='nobody', group='nogroup', extra_groups=[])
    assert done.returncode == 125
    assert re.search(r'You may not connect to .*: it is for root and the group root', done.stderr.decode()), done.stderr


def test_a_token_is_sent_where_nobody_else_can_read_it(tmp_path, pretender):
    token = tmp_path / 'token'
    token.write_text('s3cret\n')
    pretender.answers = [document({'workers': []})]
    assert Rcectl(tmp_path, pretender.address)('workers', '--token-file', str(token)).returncode == 0
    assert pretender.asked[0][2]['Authorization'] == 'Bearer s3cret'
    done = Rcectl(tmp_path, 'http://rce.example.org')('workers', '--token-file', str(token))
    assert done.returncode == 2 and b'https' in done.stderr and b's3cret' not in done.stderr
    done = Rcectl(tmp_path, pretender.address)('workers', '--token-file', str(tmp_path / 'none'))
    assert done.returncode == 2 and b'none: No such file' in done.stderr
    pretender.answers = [(401, {}, b'')]
    done = Rcectl(tmp_path, pretender.address)('workers')
    assert done.returncode == 125 and b'--token-file' in done.stderr


# --- the other verbs


def test_the_life_of_a_job(rcectl, server):
    job = rcectl.submit('out one', 'watched', 'wait life', 'out two', 'err three',
                        options=['--tag', 'life=long and well'])
    wait_until(lambda: rcectl.json('status', job)['state'] == 'running', 'a running job')
    text = rcectl('status', job).stdout.decode()
    assert re.search(r'(?m)^tags +life=long and well$', text)
    assert re.search(r'(?m)^state +running$', text) and 'verdict' not in text
    early = rcectl('logs', job)
    assert (early.returncode, early.stdout) == (1, b'') and b'is running; --follow' in early.stderr
    with rcectl.start('logs', '-f', job) as process:
        assert process.stdout.readline() == b'one\n'
        server.engine.open_gate('life')
        assert ends(process) == (0, 'two\n', 'three\n')
    assert rcectl.json('status', job) == server.get(f'/v1/jobs/{job}').json
    assert re.search(r'(?m)^verdict +ok: exit 0, ', rcectl('status', job).stdout.decode())
    late = rcectl('logs', job)
    assert (late.returncode, late.stdout, late.stderr) == (0, b'one\ntwo\n', b'three\n')
    events = [json.loads(line) for line in rcectl('logs', '--json', job).stdout.splitlines()]
    assert events[0]['state'] == 'finished' and events[-1]['type'] == 'exit'


def test_leaving_a_log_leaves_the_job_alone(rcectl, server):
    job = rcectl.submit('out one', 'watched', 'wait leaving', 'out two')
    with rcectl.start('logs', '-f', job) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(GUARD) == -signal.SIGINT
    server.engine.open_gate('leaving')
    assert server.finished(job)['verdict'] == 'ok'


def test_cancelling(rcectl, server):
    running, finished = rcectl.submit('watched', 'wait never'), rcectl.submit('out x')
    server.finished(finished)
    wait_until(lambda: rcectl.json('status', running)['state'] == 'running', 'a running job')
    done = rcectl('cancel', '--json', finished, NOBODY, running)
    assert done.returncode == 127
    assert [t['id'] for t in json.loads(done.stdout)] == [running]
    assert f'{finished}: The job is finished' in done.stderr.decode() and f'{NOBODY}: There is no such job' in done.stderr.decode()
    assert server.finished(running)['verdict'] == 'cancelled'
    assert rcectl('cancel', finished).returncode == 1


def test_the_same_key_is_the_same_job(rcectl):
    first = rcectl.submit('out a', options=['--key', 'rcectl-1'])
    assert rcectl.submit('out a', options=['--key', 'rcectl-1']) == first
    other = rcectl('submit', '--key', 'rcectl-1', rcectl.file('out b'))
    assert other.returncode == 2 and b'key was used' in other.stderr


def test_an_unknown_job(rcectl):
    for verb in 'status', 'logs', 'cancel':
        done = rcectl(verb, NOBODY)
        assert (done.returncode, done.stdout) == (127, b'') and b'There is no such job' in done.stderr


def test_lists(rcectl, server):
    jobs = [rcectl.submit(f'out {i}', options=['--tag', 'list=yes', '--priority', 'low']) for i in range(3)]
    for job in jobs:
        server.finished(job)
    assert [j['id'] for j in rcectl.json('list', '--tag', 'list=yes')] == jobs[::-1]
    assert [j['id'] for j in rcectl.json('list', '--tag', 'list=yes', '-n', '2')] == jobs[:0:-1]
    assert rcectl.json('list', '--tag', 'list=yes', '--state', 'queued') == []
    assert rcectl.json('list', '--tag', 'list=yes', '--language', 'datascience') == []
    lines = rcectl('list', '--tag', 'list=yes').stdout.decode().splitlines()
    assert len(lines) == 4 and lines[0].split() == ['JOB', 'STATE', 'VERDICT', 'LANGUAGE', 'PRIORITY', 'CREATED']
    assert lines[1].split()[:5] == [jobs[2], 'finished', 'ok', 'python', 'low']


def test_a_long_list_is_asked_for_in_pages(tmp_path, pretender):
    pages = [[{'id': str(i)} for i in range(1000)], [{'id': str(i)} for i in range(1000, 1200)]]
    pretender.answers = [document({'jobs': pages[0], 'next_cursor': NOBODY}), document({'jobs': pages[1], 'next_cursor': None})]
    assert len(Rcectl(tmp_path, pretender.address).json('list', '-n', '1500')) == 1200
    assert [path for _, path, _ in pretender.asked] == ['/v1/jobs?limit=1000', f'/v1/jobs?limit=500&cursor={NOBODY}']


def test_workers(rcectl):
    workers = wait_until(lambda: rcectl.json('workers'), 'a worker')
    assert [(w['name'], w['alive'], w['slots']) for w in workers] == [('scripted', True, 4)]
    assert re.search(r'(?m)^test +scripted +yes +4 +[0-4] +0 .*python datascience$', rcectl('workers').stdout.decode())
