# SPDX-License-Identifier: Apache-2.0
"""What there is, how it is, and that the description is true."""

import json
import os
import re

import pytest

from engine import form, wait_until

OPENAPI = json.loads(open(os.environ['RCE_OPENAPI'], encoding='utf-8').read())
SOURCE = os.path.join(os.path.dirname(os.environ['RCE_OPENAPI']))


# --- a JSON schema, as far as ours goes

def resolve(schema):
    while '$ref' in schema:
        node = OPENAPI
        for part in schema['$ref'].removeprefix('#/').split('/'):
            node = node[part]
        schema = node
    return schema


TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'null': type(None)}
KNOWN = {'type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'anyOf', 'oneOf', 'description',
         'format', 'pattern', 'minimum', 'maximum', 'maxLength', 'minLength', 'maxProperties', 'examples', 'default', 'example',
         'contentMediaType'}


def is_type(value, name):
    if name == 'integer':
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def validate(value, schema, path='$'):
    schema = resolve(schema)
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    for key in 'anyOf', 'oneOf':
        if key in schema:
            errors = []
            for choice in schema[key]:
                try:
                    validate(value, choice, path)
                    return
                except AssertionError as e:
                    errors.append(str(e))
            raise AssertionError(f'{path}: {errors}')
    if 'const' in schema:
        assert value == schema['const'], path
    if 'enum' in schema:
        assert value in schema['enum'], f'{path}: {value}'
    if 'type' in schema:
        types = schema['type'] if isinstance(schema['type'], list) else [schema['type']]
        assert any(is_type(value, t) for t in types), f'{path}: {value!r} is no {types}'
    if isinstance(value, str) and 'pattern' in schema:
        assert re.search(schema['pattern'], value), f'{path}: {value}'
    if isinstance(value, str) and schema.get('format') == 'date-time':
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', value), f'{path}: {value}'
    if isinstance(value, list):
        for i, element in enumerate(value):
            validate(element, schema.get('items', {}), f'{path}[{i}]')
    if isinstance(value, dict):
        missing = set(schema.get('required', [])) - set(value)
        assert not missing, f'{path}: {missing} missing'
        for name, element in value.items():
            if name in schema.get('properties', {}):
                validate(element, schema['properties'][name], f'{path}.{name}')
            else:
                more = schema.get('additionalProperties', True)
                assert more is not False, f'{path}.{name} is not described'
                if isinstance(more, dict):
                    validate(element, more, f'{path}.{name}')


def described(method, path):
    return OPENAPI['paths'][path][method.lower()]


def check(answer, method, path):
    """The answer is one that the description has for this route."""
    responses = described(method, path)['responses']
    assert str(answer.status) in responses, f'{method} {path}: {answer.status} is not described'
    response = resolve(responses[str(answer.status)])
    if 'content' not in response:
        assert answer.body == b''
        return answer
    content_type = answer.headers['Content-Type'].split(';')[0]
    assert content_type in response['content'], content_type
    if content_type.endswith('json'):
        validate(answer.json, response['content'][content_type]['schema'])
    return answer


# --- the description and the program

def test_the_server_shows_the_file(server):
    assert server.get('/openapi.json').json == OPENAPI


def test_every_route_is_described_and_every_description_is_a_route():
    table = open(os.path.join(SOURCE, 'api-routes.c'), encoding='utf-8').read()
    rows = re.findall(r'\{ "(\w+)", "([^"]+)", ROUTE_BODY_(\w+), ("[^"]*"|NULL), (true|false), \w+ \}', table)
    assert len(rows) > 15
    routes = {(method.lower(), path) for method, path, *_ in rows}
    written = {(m, p) for p, item in OPENAPI['paths'].items() for m in item if m != 'parameters'}
    assert routes == written

    for method, path, body, query, websocket in rows:
        operation = described(method, path)
        content = operation.get('requestBody', {}).get('content', {})
        assert list(content) == {'NONE': [], 'JSON': ['application/json'], 'FORM': ['multipart/form-data']}[body]
        parameters = [resolve(p) for p in operation.get('parameters', [])]
        assert {p['name'] for p in parameters if p['in'] == 'query'} == set(query.strip('"').split()) - {'NULL'}
        assert ('101' in operation['responses']) == (websocket == 'true')


def test_every_code_of_a_problem_is_described():
    table = open(os.path.join(SOURCE, 'api-problem.c'), encoding='utf-8').read()
    codes = re.findall(r'^        \{ "(\w+)", (\d+), \d+, "', table, re.M)
    assert len(codes) > 20
    schema = OPENAPI['components']['schemas']['Problem']
    assert schema['properties']['code']['enum'] == [code for code, _ in codes]


def test_every_member_of_a_request_is_described():
    table = open(os.path.join(SOURCE, 'api-job-request.c'), encoding='utf-8').read()
    members = re.findall(r'^        \{ "(\w+)", take_\w+ \},', table, re.M)
    schema = OPENAPI['components']['schemas']['JobRequest']
    assert set(members) == set(schema['properties'])


def test_a_summary_is_a_job_without_its_output():
    schemas = OPENAPI['components']['schemas']
    more = {'stdout', 'stdout_encoding', 'stderr', 'stderr_encoding'}
    assert set(schemas['Job']['properties']) - set(schemas['JobSummary']['properties']) == more
    for name in 'Job', 'JobSummary':
        assert schemas[name]['required'] and set(schemas[name]['required']) == set(schemas[name]['properties'])
    for name, schema in schemas['JobSummary']['properties'].items():
        assert schemas['Job']['properties'][name] == schema


def test_answers_are_as_described(server, worker):
    asked = {'language': 'python', 'source': 'out x\nerr y\nwait shape', 'tags': {'a': 'b'}, 'limits': {'processes': 3}}
    ticket = check(server.post('/v1/jobs', asked), 'POST', '/v1/jobs').json
    job = ticket['id']
    check(server.get(f'/v1/jobs/{job}'), 'GET', '/v1/jobs/{id}')
    check(server.get(f'/v1/jobs/{job}/stdout'), 'GET', '/v1/jobs/{id}/stdout')
    events = server.events(job)
    check(server.delete(f'/v1/jobs/{job}?purge=1'), 'DELETE', '/v1/jobs/{id}')
    server.engine.open_gate('shape')
    server.finished(job)
    for event in events:
        validate(event, OPENAPI['components']['schemas']['Event'])
    ws = server.socket(f'/v1/jobs/{job}/stream')
    for event in ws:
        validate(event, OPENAPI['components']['schemas']['Event'])
    for message in server.socket(f'/ws/{job}'):
        validate(message, OPENAPI['components']['schemas']['CompatibleMessage'])

    for path in '', '/source', '/stdout', '/stderr':
        check(server.get(f'/v1/jobs/{job}{path}'), 'GET', '/v1/jobs/{id}' + path)
    check(server.get(f'/status/{job}'), 'GET', '/status/{id}')
    check(server.get('/v1/jobs'), 'GET', '/v1/jobs')
    check(server.get('/v1/jobs?limit=x'), 'GET', '/v1/jobs')
    check(server.post('/v1/jobs?wait=20', {'source': 'out x'}), 'POST', '/v1/jobs')
    check(server.post('/v1/jobs', {}), 'POST', '/v1/jobs')
    check(server.delete(f'/v1/jobs/{job}'), 'DELETE', '/v1/jobs/{id}')
    check(server.delete(f'/v1/jobs/{job}?purge=1'), 'DELETE', '/v1/jobs/{id}')
    check(server.delete(f'/v1/jobs/{job}'), 'DELETE', '/v1/jobs/{id}')
    check(server.get('/v1/jobs/x/events'), 'GET', '/v1/jobs/{id}/events')
    check(server.get('/v1/jobs/x/stream'), 'GET', '/v1/jobs/{id}/stream')
    server.submit('wait counted')
    for path in '/v1/languages', '/v1/workers', '/v1/queue', '/healthz', '/readyz', '/metrics', '/openapi.json':
        check(server.get(path), 'GET', path)
    server.engine.open_gate('counted')
    check(server.post('/v1/lint', {'source': 'import os'}), 'POST', '/v1/lint')
    check(server.post('/v1/lint', {'source': ''}), 'POST', '/v1/lint')
    body, headers = form()
    check(server.request('POST', '/submit', body, headers), 'POST', '/submit')
    check(server.request('POST', '/submit', b'', headers), 'POST', '/submit')


# --- languages, workers, linting

def test_languages(server):
    answer = server.get('/v1/languages').json
    assert [l['name'] for l in answer['languages']] == ['datascience', 'python']
    assert answer['default'] == 'python'
    python = answer['languages'][1]
    assert python['source_name'] == 'main.py'
    assert python['limits']['wall_usec'] <= answer['limits_maximum']['wall_usec']


def test_workers(server, worker):
    workers = wait_until(lambda: server.get('/v1/workers').json['workers'], 'a worker')
    assert [(w['name'], w['host'], w['alive'], w['slots']) for w in workers] == [('scripted', 'test', True, 4)]
    assert workers[0]['languages'] == ['python', 'datascience']


def test_the_queue_is_counted(own):
    server = own().start()
    assert server.get('/v1/queue').json == {'queue': []}
    jobs = [server.submit('out', priority=p, language=l)['id']
            for p, l in [('low', 'python'), ('normal', 'python'), ('normal', 'python'), ('normal', 'datascience')]]
    queue = server.get('/v1/queue').json['queue']
    assert sorted((q['language'], q['priority'], q['state'], q['jobs']) for q in queue) == [
        ('datascience', 'normal', 'queued', 1), ('python', 'low', 'queued', 1), ('python', 'normal', 'queued', 2)]
    oldest = next(q['oldest_at'] for q in queue if q['jobs'] == 2)
    assert oldest == server.get(f'/v1/jobs/{jobs[1]}').json['created_at']


@pytest.mark.parametrize('level, found', [('off', []), ('standard', ['os']), (None, ['os']), ('strict', ['os', 'ctypes'])])
def test_linting(server, level, found):
    document = {'language': 'python', 'source': 'import os\nimport ctypes\n'} | ({'lint': level} if level else {})
    answer = server.post('/v1/lint', document)
    assert answer.status == 200, answer.text
    assert [d['name'] for d in answer.json['diagnostics']] == found
    assert answer.json['language'] == 'python'


def test_what_cannot_be_linted(server):
    assert server.post('/v1/lint', {'source': 'x\0'}).code == 'invalid_source'
    assert server.post('/v1/lint', {'source': 'x\ry'}).code == 'invalid_source'
    assert server.post('/v1/lint', {'source': 'x', 'tags': {}}).code == 'invalid_request'
    assert server.post('/v1/lint', {'source': 'x', 'lint': 'lax'}).code == 'invalid_request'
    assert server.post('/v1/lint', {'source': 'x', 'language': 'cobol'}).code == 'unknown_language'
    assert server.post('/v1/lint', b'{').code == 'invalid_json'
    assert server.post('/v1/lint', {'source': 'x' * (1024 * 1024 + 1)}).code == 'too_large'


def test_linting_does_not_hold_others_up(server):
    hostile = '(' * 500000 + '\n' + 'lambda:' * 50000
    import threading
    thread = threading.Thread(target=server.post, args=('/v1/lint', {'source': hostile}))
    thread.start()
    while thread.is_alive():
        assert server.request('GET', '/healthz', timeout=2).status == 200
    thread.join()


# --- health and metrics

def test_health(server):
    assert server.get('/healthz').json['status'] == 'ok'
    assert server.get('/readyz').json == {'status': 'ok', 'backends': {'database': 'ok', 'blobs': 'ok', 'broker': 'ok'}}


def parse_metrics(text):
    """{family: (type, {sample with labels: value})}; each sample must follow its family's head."""
    families, current = {}, None
    for line in text.splitlines():
        if line.startswith('# HELP '):
            current = line.split()[2]
            assert current not in families, current
            families[current] = [None, {}]
        elif line.startswith('# TYPE '):
            assert line.split()[2] == current
            families[current][0] = line.split()[3]
        else:
            match = re.fullmatch(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\})? ([0-9.]+)', line)
            assert match, line
            assert re.sub(r'_(bucket|sum|count)$', '', match[1]) in (current, match[1])
            assert match[1].startswith(current)
            assert match[1] + (match[2] or '') not in families[current][1], line
            families[current][1][match[1] + (match[2] or '')] = float(match[3])
    return families


def test_metrics(server, worker):
    server.submit('out x', wait=20)
    server.get('/nowhere')
    answer = server.get('/metrics')
    assert answer.headers['Content-Type'].startswith('text/plain; version=0.0.4')
    families = parse_metrics(answer.text)
    for name, (kind, samples) in families.items():
        assert kind in ('counter', 'gauge', 'histogram'), name
        assert name.endswith('_total') == (kind == 'counter'), name

    def value(name, labels=''):
        return families[name][1][name + labels]
    assert value('rce_api_requests_total', '{route="/v1/jobs",method="POST",code="200"}') >= 1
    assert value('rce_api_requests_total', '{route="none",method="GET",code="404"}') >= 1
    assert value('rce_backend_up', '{backend="database"}') == 1
    assert value('rce_api_jobs_submitted_total') >= 1
    assert value('rce_api_messages_published_total') >= 1
    assert value('rce_workers') == 1
    assert value('rce_jobs_finished_total', '{verdict="ok"}') >= 0
    assert value('rce_store_batches_total', '{kind="submit"}') >= 1

    buckets = [v for k, v in families['rce_api_durable_seconds'][1].items() if '_bucket' in k]
    assert buckets == sorted(buckets)
    assert buckets[-1] == families['rce_api_durable_seconds'][1]['rce_api_durable_seconds_count']


# --- the compatible endpoints

def test_the_compatible_endpoints(server, worker):
    body, headers = form(content=b'out one\nraw ff\nerr two')
    answer = server.request('POST', '/submit', body, headers)
    assert answer.status == 200
    assert set(answer.json) == {'job_id', 'status'}
    assert answer.json['status'] == 'QUEUED'
    job = answer.json['job_id']
    server.finished(job)
    status = server.get(f'/status/{job}').json
    assert (status['job_id'], status['status'], status['logs']) == (job, 'COMPLETED', 'one\n\ufffdtwo\n')
    assert set(status) == {'job_id', 'status', 'submitted_at', 'logs'}


@pytest.mark.parametrize('script, status', [('exit 1', 'FAILED'), ('exit 0', 'COMPLETED')])
def test_compatible_states(server, worker, script, status):
    job = server.submit(script, wait=20)['id']
    assert server.get(f'/status/{job}').json['status'] == status


def test_a_waiting_job_of_the_compatible_kind(own):
    server = own().start()
    body, headers = form()
    job = server.request('POST', '/submit', body, headers).json['job_id']
    assert server.get(f'/status/{job}').json['status'] == 'QUEUED'
    server.delete(f'/v1/jobs/{job}')
    assert server.get(f'/status/{job}').json['status'] == 'FAILED'


def test_the_ending_of_the_name_and_the_imports_choose(server, worker):
    body, headers = form(content=b'out x\nimport pandas')
    job = server.request('POST', '/submit', body, headers).json['job_id']
    assert server.finished(job)['language'] == 'datascience'
