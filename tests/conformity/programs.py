# SPDX-License-Identifier: Apache-2.0
"""Programs whose every byte and exit code must be the same wherever they run."""

import textwrap
from dataclasses import dataclass, field


@dataclass
class Case:
    name: str
    source: bytes
    args: list = field(default_factory=list)
    stdin: bytes = b''
    env: dict = field(default_factory=dict)
    modules: bool = False  # needs numpy, pandas, scikit-learn


CASES = []


def case(name, source, **kwargs):
    if isinstance(source, str):
        source = textwrap.dedent(source).lstrip('\n').encode()
    CASES.append(Case(name, source, **kwargs))


# What a program finds when it begins.
case('empty', '')
case('hello', 'print("hi")')
case('globals', 'print(sorted(globals()), __name__, __file__, __doc__, __package__, __spec__, __cached__)')
case('main_is_a_module', '''
    import sys
    m = sys.modules["__main__"]
    print(m, m.__dict__ is globals(), type(__loader__).__name__)
    ''')
case('docstring', '"""What it is."""\nprint(__doc__)')
case('argv', 'import sys\nprint(sys.argv, sys.orig_argv)', args=['a', 'b c', '', '-v', '--', 'ü'])
case('path', 'import sys\nprint(sys.path, sys.path_hooks and len(sys.path_hooks), sys.prefix, sys.executable)')
case('flags', 'import sys\nprint(sys.flags, sys.warnoptions, sys._xoptions, sys.dont_write_bytecode)')
case('environment', 'import os\nprint(sorted(os.environ.items()))\nos.system("env | grep -v _= | sort")')
case('environment_of_its_own', '''
    import os
    print(sorted(os.environ.items()))
    ''', env={'GREETING': 'hello', 'HOME': '/tmp'})
case('hash_seed', 'print([hash(c) for c in "abc"], list({"x", "y", "z"}))', env={'PYTHONHASHSEED': '0'})
case('unbuffered', '''
    import os, sys
    print("a"); os.write(1, b"b\\n"); print(sys.stdout.write_through)
    ''', env={'PYTHONUNBUFFERED': '1'})
case('optimised', 'assert False\nprint(__debug__)', env={'PYTHONOPTIMIZE': '1'})
case('latin1', 'import sys\nprint(sys.stdout.encoding, "ü")', env={'PYTHONIOENCODING': 'latin-1'})
case('directory', 'import os\nprint(os.getcwd(), os.listdir("."), oct(os.umask(0)), oct(os.stat("main.py").st_mode))')
case('no_frame_below', '''
    import inspect, sys, traceback
    print(sys._getframe().f_back, len(inspect.stack()), sys._getframe().f_code.co_name)
    traceback.print_stack()
    ''')
case('no_thread_beside', 'import threading, os\nprint(threading.enumerate(), len(os.listdir("/proc/self/task")))')
case('descriptors', 'import os\nprint(sorted(int(f) for f in os.listdir("/proc/self/fd"))[:-1])')
case('process', '''
    import os
    print(os.getpgrp() == os.getpid() == os.getsid(0), os.getpid() > 1, os.nice(0))
    status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
    print(status["SigBlk"], status["SigIgn"], status["SigCgt"], status["Threads"])
    ''')
case('signals', '''
    import signal
    for s in signal.valid_signals():
        print(s, signal.getsignal(s))
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
    ''')
case('gc', 'import gc\nprint(gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.callbacks)')
case('limits', '''
    import sys
    print(sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits(), sys.gettrace())
    ''')
case('names_of_streams', '''
    import sys
    print(sys.stdin.name, sys.stdout.name, sys.stderr.name, sys.stdin is sys.__stdin__)
    ''')
case('streams', '''
    import sys
    for s in sys.stdin, sys.stdout, sys.stderr:
        print(s, s.mode, s.encoding, s.errors, s.line_buffering, s.write_through, s.newlines, s.isatty(), s.closed,
              s.buffer.raw, s.fileno(), s.buffer.raw.closefd)
    ''')
case('site', 'exit.__class__, print(exit, quit, copyright.__class__.__name__, help.__class__.__name__)')
case('audit_and_hooks', '''
    import sys
    print(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.meta_path)
    ''')

# How it ends.
case('exception', 'def f(x):\n    return 1 / x\n\nf(0)')
case('exception_chain', '''
    class Odd(Exception):
        def __init__(self, *args):
            super().__init__(*args)
            self.add_note("a note")
    try:
        {}["key"]
    except KeyError as e:
        raise Odd("odd", 1) from e
    ''')
case('exception_group', 'raise ExceptionGroup("both", [ValueError(1), ExceptionGroup("more", [TypeError(2)])])')
case('exception_without_text', '''
    class Bad(Exception):
        def __str__(self):
            raise RuntimeError
    raise Bad
    ''')
case('excepthook', 'import sys\nsys.excepthook = lambda *a: print("hook", a[0].__name__)\nraise ValueError')
case('syntax_error', 'print("before")\nif True\n    pass\n')
case('indentation_error', 'def f():\n\tif 1:\n        pass\n')
case('null_byte', b'print(1)\n\0\n')
case('bad_encoding', b'# -*- coding: nonsense -*-\nprint(1)\n')
case('not_utf8', b'print("\xff")\n')
case('latin1_source', b'# -*- coding: latin-1 -*-\nprint("\xfc")\n')
case('utf8_mark', b'\xef\xbb\xbfprint("hi")\n')
case('carriage_returns', b'print(1)\r\nprint(2)\r\n')
case('syntax_warning', 'x = "\\d"\nprint(1 is 1, x)')
case('exit_code', 'import sys\nsys.exit(7)')
case('exit_true', 'raise SystemExit(True)')
case('exit_none', 'print("x")\nraise SystemExit(None)')
case('exit_text', 'import sys\nprint("out")\nsys.exit("no good: ü")')
case('exit_object', 'import sys\nsys.exit([1, 2])')
case('exit_large', 'import sys\nsys.exit(2**70)')
case('exit_negative', 'import sys\nsys.exit(-1)')
case('exit_in_function', 'def f():\n    try:\n        exit(4)\n    finally:\n        print("finally")\nf()')
case('exit_at_once', 'import os\nprint("lost")\nos._exit(5)')
case('killed', 'import os, signal\nprint("said", flush=True)\nos.kill(os.getpid(), signal.SIGTERM)')
case('aborted', 'import os\nos.abort()')
case('interrupted', 'import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint("no")')
case('interrupt_caught', '''
    import signal
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as e:
        print(repr(e))
    ''')
case('segmentation_fault', 'import ctypes\nctypes.string_at(0)')
case('broken_pipe', '''
    import os, signal, sys
    r, w = os.pipe(); os.close(r)
    try:
        os.write(w, b"x")
    except BrokenPipeError as e:
        print(e)
    ''')
case('atexit', '''
    import atexit
    atexit.register(print, "first"); atexit.register(print, "second")
    @atexit.register
    def fails():
        raise ValueError("at exit")
    print("main")
    ''')
case('destructors', '''
    class Thing:
        def __init__(self, name):
            self.name = name
        def __del__(self):
            print("gone", self.name)
    kept = Thing("kept")
    cycle = Thing("cycle"); cycle.cycle = cycle
    Thing("at once")
    import json
    json.thing = Thing("in a module")
    print("end")
    ''')
case('weakref_finalize', '''
    import weakref
    class C: pass
    c = C()
    weakref.finalize(c, print, "finalized")
    print("end")
    ''')
case('unflushed_file', 'f = open("/tmp/f", "w"); f.write("kept")\nimport atexit\nprint("open")')
case('stdout_closed', 'import sys\nprint("x")\nsys.stdout.close()')
case('stderr_unflushed', 'import sys\nsys.stderr.write("no newline")')
case('generator_left', 'def g():\n    try:\n        yield\n    finally:\n        print("closed")\nx = g(); next(x)')
case('thread_at_end', '''
    import threading, time
    def late():
        event.wait(); print("late")
    event = threading.Event()
    threading.Thread(target=late).start()
    print("main"); threading.Timer(0.05, event.set).start()
    ''')
case('daemon_thread', '''
    import threading
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    print("end")
    ''')
case('thread_exception', '''
    import threading
    t = threading.Thread(target=lambda: 1 / 0, name="worker")
    t.start(); t.join()
    print("on")
    ''')
case('unraisable', 'class C:\n    def __del__(self):\n        raise ValueError("unraisable")\nC()\nprint("on")')

# What it reads and writes.
case('input', 'print(input("name? "), input())', stdin=b'Ada\nLovelace\n')
case('input_at_end', 'try:\n    input()\nexcept EOFError as e:\n    print(repr(e))\ninput()')
case('stdin_lines', 'import sys\nfor line in sys.stdin:\n    print(repr(line))', stdin=b'a\nb\r\nc')
case('stdin_bytes', 'import sys\nprint(sys.stdin.buffer.read())', stdin=bytes(range(256)))
case('stdin_not_utf8', 'import sys\nprint(sys.stdin.read())', stdin=b'\xff\xfe')
case('order', 'import sys, os\nprint("a"); sys.stderr.write("b\\n"); os.write(1, b"c\\n"); print("d", flush=True)')
case('large_output', 'for i in range(100000):\n    print(i, "x" * 20)')
case('large_line', 'print("x" * 5_000_000)')
case('binary_output', 'import sys\nsys.stdout.buffer.write(bytes(range(256)))')
case('unicode', 'print("ü€😀", "\\N{SNOWMAN}", ascii("é"))')
case('surrogate', 'print("\\udc80")')
case('file_names', '''
    import os
    open("ü.txt", "w").close(); open(b"\\xff", "w").close()
    print(sorted(os.listdir(".")))
    ''')
case('temporary_files', '''
    import tempfile, os
    with tempfile.NamedTemporaryFile("w+") as f:
        f.write("x"); f.flush(); print(os.path.dirname(f.name), os.stat(f.name).st_size)
    print(tempfile.gettempdir())
    ''')
case('memory_map', 'import mmap\nm = mmap.mmap(-1, 8192); m[0:3] = b"abc"\nprint(m[:3], len(m))')
case('read_only_places', '''
    for path in "/x", "/usr/x", "/etc/x", "/proc/sys/kernel/hostname":
        try:
            open(path, "w")
        except OSError as e:
            print(path, type(e).__name__)
    ''')

# Other modules, processes and threads.
case('sibling', '''
    open("helper.py", "w").write("print(__name__, __file__); value = 42")
    import helper
    print(helper.value)
    ''')
case('run_path', '''
    import runpy
    open("o.py", "w").write("print(__name__)")
    runpy.run_path("o.py", run_name="__main__")
    ''')
case('import_error', 'import nothing_of_that_name')
case('import_main', 'if __name__ == "__main__":\n    import main\nprint(__name__)')
case('warnings', '''
    import warnings
    def f():
        warnings.warn("old", DeprecationWarning, stacklevel=2)
    f()
    warnings.warn("user")
    ''')
case('subprocess', '''
    import subprocess, sys
    print(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv, sys.path[0]); sys.exit(3)", "x"],
                         capture_output=True, text=True))
    print(subprocess.run("echo $0; exit 4", shell=True).returncode)
    ''')
case('subprocess_pipe', '''
    import subprocess
    p = subprocess.Popen(["cat"], stdin=-1, stdout=-1)
    print(p.communicate(b"x" * 100000)[0] == b"x" * 100000, p.returncode)
    ''')
case('fork', '''
    import os, sys
    print("before", flush=True)
    if os.fork() == 0:
        print("child"); sys.exit(3)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
    ''')
case('exec', 'import os\nprint("a", flush=True)\nos.execvp("echo", ["echo", "b"])')
case('multiprocessing_fork', '''
    import multiprocessing as m
    def square(x):
        return x * x
    if __name__ == "__main__":
        with m.get_context("fork").Pool(3) as p:
            print(p.map(square, range(10)))
    ''')
case('multiprocessing_spawn', '''
    import multiprocessing as m, os
    def work(q):
        q.put(os.path.basename(__file__))
    if __name__ == "__main__":
        c = m.get_context("spawn"); q = c.Queue()
        p = c.Process(target=work, args=(q,)); p.start(); print(q.get()); p.join(); print(p.exitcode)
    ''')
case('multiprocessing_forkserver', '''
    import multiprocessing as m
    def work(x):
        print("in", x, flush=True)
    if __name__ == "__main__":
        p = m.get_context("forkserver").Process(target=work, args=(1,)); p.start(); p.join(); print(p.exitcode)
    ''')
case('executors', '''
    from concurrent.futures import ThreadPoolExecutor, ProcessPoolExecutor
    def cube(x):
        return x ** 3
    if __name__ == "__main__":
        for kind in ThreadPoolExecutor, ProcessPoolExecutor:
            with kind(2) as e:
                print(list(e.map(cube, range(5))))
    ''')
case('shared_memory', '''
    from multiprocessing import shared_memory
    s = shared_memory.SharedMemory(create=True, size=64)
    s.buf[:2] = b"ok"; print(bytes(shared_memory.SharedMemory(s.name).buf[:2])); s.close(); s.unlink()
    ''')
case('threads', '''
    import threading
    local, lock, out = threading.local(), threading.Lock(), []
    def work(i):
        local.i = i
        with lock:
            out.append(local.i)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
    [t.start() for t in threads]; [t.join() for t in threads]
    print(sorted(out), hasattr(local, "i"), threading.current_thread() is threading.main_thread())
    ''')
case('asyncio', '''
    import asyncio
    async def main():
        p = await asyncio.create_subprocess_exec("echo", "sub", stdout=-1)
        print(await p.communicate())
        print(await asyncio.gather(*(asyncio.sleep(0.01 * i, i) for i in (3, 1, 2))))
    asyncio.run(main())
    ''')
case('loopback', '''
    import socket, threading
    s = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: s.accept()[0].sendall(b"served")).start()
    print(socket.create_connection(s.getsockname()).recv(10), socket.gethostbyname("localhost"))
    ''')
case('no_network', '''
    import socket
    try:
        socket.create_connection(("192.0.2.1", 80), 2)
    except OSError as e:
        print(e)
    ''')
case('terminal', '''
    import os, pty
    m, s = os.openpty()
    os.write(s, b"x\\n"); print(os.read(m, 10), os.isatty(s))
    print(pty.spawn(["true"]))
    ''')
case('alarm', '''
    import signal
    signal.signal(signal.SIGALRM, lambda *a: print("ring"))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    signal.pause()
    ''')
case('wait_for_child_signal', '''
    import signal, subprocess
    signal.signal(signal.SIGCHLD, lambda *a: print("child", flush=True))
    subprocess.run("true")
    ''')
case('recursion', 'def f(n):\n    return f(n + 1)\ntry:\n    f(0)\nexcept RecursionError as e:\n    print(e)\nf(0)')
case('deep_recursion', '''
    import sys
    sys.setrecursionlimit(20000)
    def f(n):
        return n and f(n - 1) + 1
    print(f(15000))
    ''')
case('big_numbers', 'print(len(str(3 ** 5000)), 2 ** 200)\nprint(10 ** 5000)')
case('locale', '''
    import locale, time
    print(locale.setlocale(locale.LC_ALL), time.tzname, locale.getpreferredencoding())
    ''')
case('sqlite', '''
    import sqlite3
    c = sqlite3.connect("/tmp/db"); c.execute("create table t(x)"); c.execute("insert into t values(1)")
    print(c.execute("select * from t").fetchall())
    ''')
case('ssl_and_hashes', 'import hashlib, ssl\nprint(hashlib.sha256(b"x").hexdigest(), len(ssl.RAND_bytes(8)))')
case('interactive_help', 'help(abs)')
case('breakpoint', 'breakpoint()\nprint("after")', stdin=b'p 6 * 7\nc\n')
case('code_introspection', '''
    import inspect
    def f():
        "doc"
        return 1
    print(inspect.getsource(f), f.__code__.co_filename)
    ''')
case('memory_error', 'try:\n    bytearray(1 << 62)\nexcept MemoryError:\n    print("no memory")')
case('user', 'import os, pwd\nprint(os.access("/usr", os.W_OK), os.path.expanduser("~"))')

# With modules that are there before the program.
case('modules', '''
    import numpy, pandas, sklearn, sys
    print(numpy.__version__, pandas.__version__, sklearn.__version__, numpy.__file__)
    ''', modules=True)
case('array', 'import numpy as np\na = np.arange(12).reshape(3, 4)\nprint(a, a.T @ a, np.linalg.norm(a))', modules=True)
case('linear_algebra', '''
    import numpy as np
    r = np.random.default_rng(1); a = r.normal(size=(300, 300))
    print(np.allclose(a @ np.linalg.solve(a, np.eye(300)), np.eye(300)), round(float(np.linalg.svd(a)[1][0]), 6))
    print(round(float(np.linalg.det(a[:5, :5])), 9), np.linalg.eigvalsh(a + a.T)[:2].round(6))
    ''', modules=True)
case('linear_algebra_in_threads', '''
    import numpy as np
    from concurrent.futures import ThreadPoolExecutor
    a = np.eye(200) * 2
    with ThreadPoolExecutor(4) as e:
        print([float(x[0, 0]) for x in e.map(np.linalg.inv, [a] * 8)])
    ''', modules=True)
case('linear_algebra_in_processes', '''
    import numpy as np, multiprocessing as m
    def inverse(n):
        return float(np.linalg.inv(np.eye(200) * n)[0, 0])
    if __name__ == "__main__":
        with m.Pool(2) as p:
            print(p.map(inverse, [1, 2, 4]))
    ''', modules=True)
case('seeded', '''
    import numpy as np, random
    np.random.seed(1); random.seed(1)
    print(np.random.rand(3), random.random())
    ''', modules=True)
case('frames', '''
    import pandas as pd, io
    d = pd.read_csv(io.StringIO("a,b\\n1,x\\n2,y\\n3,x\\n"))
    print(d.groupby("b").a.sum(), d.describe(), d.dtypes)
    print(pd.date_range("2024-01-01", periods=3, freq="D", tz="Europe/Berlin"))
    ''', modules=True)
case('model', '''
    from sklearn.linear_model import LogisticRegression
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.datasets import make_classification
    x, y = make_classification(200, random_state=0)
    for model in LogisticRegression(), RandomForestClassifier(10, random_state=0, n_jobs=2):
        print(model.fit(x, y).score(x, y))
    ''', modules=True)
case('pandas_exception', 'import pandas as pd\npd.DataFrame({"a": [1]})["b"]', modules=True)
case('numpy_warning', 'import numpy as np\nprint(np.array([1.0]) / 0)\nnp.float64(1) / 0', modules=True)
case('numpy_exit', '''
    import numpy as np, sys, atexit
    atexit.register(lambda: print(np.ones(2).sum()))
    sys.exit(3)
    ''', modules=True)
case('numpy_without_pandas', 'import numpy\nprint("done")', modules=True)
