# SPDX-License-Identifier: Apache-2.0
"""The fork server of Python.

An interpreter that was started as for a program, `python3 /work/main.py`, imports this module when it has set itself
up and before it opens the program. Here it stays, with the modules of Preload= imported, and copies of it become cells
and programs. In the copy that is to be a program, the import simply ends: from there on it is an interpreter like any
other, which opens /work/main.py, runs it as __main__ and ends as interpreters do. No frame of ours is left below it.

What is not that of a new interpreter is the seed of str hashes, the addresses of objects, and what the preloaded
modules keep; all of that lasts as long as one sandbox. A program that brings variables of its own or is to be started
by another command line than ours is executed, and gets an interpreter that has read them.
"""

import atexit
import ctypes
import gc
import io
import os
import sys
import _signal


class Program(ctypes.Structure):
    """CellProgram of cell/message.h, as far as we look at it."""
    _fields_ = [('n_files', ctypes.c_size_t), ('n_rlimits', ctypes.c_size_t), ('files', ctypes.c_char_p * 64),
                ('args', ctypes.c_char_p * 1025), ('env', ctypes.c_char_p * 1025)]

    def command_line(self):
        return self._strings(self.args)

    def environment(self):
        return dict(variable.split(b'=', 1) for variable in self._strings(self.env))

    @staticmethod
    def _strings(array):
        strings = []
        for string in array:
            if string is None:
                break
            strings.append(string)
        return strings


STEP_RESUME = 18  # CELL_STEP_RESUME


def load(directory):
    """The supervisor. PyDLL, since the GIL is not for others to have while it waits: there are no others."""
    library = ctypes.PyDLL(os.path.join(directory, 'rce-cell.so'))
    library.supervisor_watch.argtypes = [ctypes.c_long]
    library.program_take.restype = ctypes.POINTER(Program)
    library.program_fail.argtypes = [ctypes.c_int, ctypes.c_long]
    return library


def step_aside(directory):
    """Leaves no trace of how this module was found, and imports the image's own, if there is one."""
    _, _, rest = os.environ.pop('PYTHONPATH').partition(':')
    if rest:
        os.environ['PYTHONPATH'] = rest
    sys.path.remove(directory)
    sys.path_importer_cache.pop(directory, None)
    ours = sys.modules.pop(__name__)
    try:
        import sitecustomize  # noqa: F401, pylint: disable=import-self,unused-import
    except ImportError:
        sys.modules[__name__] = ours


def preload(modules):
    # The libraries below numpy look at these when they are loaded; threads of theirs would not survive a fork.
    wanted = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
    missing = [variable for variable in wanted if variable not in os.environ]
    os.environ.update(dict.fromkeys(missing, '1'))
    for module in modules:
        __import__(module)
    for variable in missing:
        del os.environ[variable]
    if len(os.listdir('/proc/self/task')) > 1:
        sys.exit('rce: a preloaded module has started a thread, which no program would have')


def keep(modules):
    """At its end an interpreter takes all its modules apart, object by object. Those that all programs share are left
    alone: the time that costs, and the memory copied for it, would be most of what a small program takes."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(modules))
    for name in modules:
        sys.modules.pop(name, None)


def open_stream(number, mode, old):
    """As the interpreter opens its standard streams: what it depends on is only known now."""
    unbuffered = old.write_through
    buffer = io.open(number, mode + 'b', 0 if unbuffered else -1, closefd=False)
    raw = buffer if unbuffered else buffer.raw
    raw.name = old.name
    stream = io.TextIOWrapper(buffer, old.encoding, old.errors, '\n', write_through=unbuffered,
                              line_buffering=not unbuffered and (number == 2 or raw.isatty()))
    stream.mode = mode
    return stream


def renew_main():
    """The module of the program is one that the collector knows, for what is in it has to go when the program ends."""
    old = sys.modules['__main__']
    new = type(old)('__main__')
    new.__dict__.clear()
    new.__dict__.update(old.__dict__)
    sys.modules['__main__'] = new


def begin(rest):
    """What an interpreter has that was started just now."""
    renew_main()
    sys.stdin = sys.__stdin__ = open_stream(0, 'r', sys.__stdin__)
    sys.stdout = sys.__stdout__ = open_stream(1, 'w', sys.__stdout__)
    sys.stderr = sys.__stderr__ = open_stream(2, 'w', sys.__stderr__)
    arguments = [os.fsdecode(argument) for argument in rest]
    sys.argv.extend(arguments)
    sys.orig_argv.extend(arguments)
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_IGN)
    # random and ssl notice a fork themselves.
    if 'numpy.random' in sys.modules:
        sys.modules['numpy.random'].seed()
    gc.enable()


def become_program(library, command_line, environment):
    program = library.program_take().contents
    wanted = program.command_line()
    if wanted[:len(command_line)] != command_line or program.environment() != environment:
        library.program_execute()
    begin(wanted[len(command_line):])
    library.program_resume()


def serve(library, command_line, environment):
    """Returns in the process that is to be a program."""
    while True:
        library.supervisor_next()
        try:
            pid = os.fork()
        except OSError as e:
            pid = -e.errno
        if pid == 0:
            try:
                become_program(library, command_line, environment)
            except BaseException as e:  # pylint: disable=broad-exception-caught
                library.program_fail(STEP_RESUME, -(getattr(e, 'errno', None) or 5))
            return
        library.supervisor_watch(pid)


def main():
    directory = os.path.dirname(__file__)
    library = load(directory)
    modules = os.environ.pop('RCE_PRELOAD').split()
    step_aside(directory)
    environment = dict(os.environb)
    gc.disable()
    kept = {}
    atexit.register(keep, kept) # what is registered first is called last
    before = set(sys.modules)
    preload(modules)
    kept.update((name, module) for name, module in sys.modules.items() if name not in before)
    command_line = [os.fsencode(argument) for argument in sys.orig_argv]
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()
    library.supervisor_open()
    serve(library, command_line, environment)


if 'RCE_PRELOAD' in os.environ:
    main()
