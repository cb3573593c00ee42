; SPDX-License-Identifier: Apache-2.0
;
; What a Python program may not do, told before it runs. This is advice: what really keeps a program in is the sandbox.
; To change it, copy this file to /etc/rce/lint/python.scm, which then takes its place.
;
; HOW IT IS WRITTEN
;
; A pattern is a tree-sitter query over the nodes of tree-sitter-python. What it captures as @name is reported. Then:
;
;   (#set! level "standard")     from which level on it applies: "standard" (also if there is none), or only "strict"
;   (#set! reason "…")           a sentence for the program's author; needed
;   (#set! code "…")             a word for programs
;
;   (#eq? @a "x")  (#eq? @a @b)  the same
;   (#any-of? @a "x" "y" …)      one of these
;   (#module? @a "x" "y" …)      one of these modules, or one below it: "os" is also os.path
;   (#match? @a "^_")            a POSIX extended regular expression finds something
;   #not-eq? #not-any-of? …      the contrary
;
; A predicate about something that a match did not capture holds. What is compared is the meaning: an identifier as Python
; reads it (ｅval is eval), a dotted name without the spaces, a string literal by what is in it, "e" "v" + "al" included. What
; is not known, such as an f-string with something put in, satisfies none, not even the contrary.
; Where several patterns report the same place, the first one gives the reason.
;
; THE LEVELS
;
; strict: the program computes; it has input and output only through print(). For exercises.
; standard: what starts programs, reaches for files behind open(), opens connections, unpickles, or gets at those in a roundabout way.
;     Allowed on purpose, because ordinary programs need it and the sandbox bounds it: sys, pathlib, open() and input(), io, tempfile, glob;
;     threading, multiprocessing, concurrent.futures and asyncio (not its subprocesses); ctypes as arithmetic (c_int32), but
;     not its loading of libraries; numpy, pandas, scikit-learn, matplotlib with all their methods (df.eval, re.compile,
;     model.eval are no builtins); looking at __class__, __dict__, __mro__, __name__, vars(), globals() and getattr() with other names.


; == Modules ==

([
    (import_statement name: (dotted_name) @name)
    (import_statement name: (aliased_import name: (dotted_name) @name))
    (import_from_statement module_name: (dotted_name) @name)
  ]
  (#module? @name "os" "posix" "nt" "subprocess" "_posixsubprocess" "_winapi" "shutil" "pty")
  (#set! reason "starting programs and changing files is not allowed")
  (#set! code "forbidden-import"))

([
    (import_statement name: (dotted_name) @name)
    (import_statement name: (aliased_import name: (dotted_name) @name))
    (import_from_statement module_name: (dotted_name) @name)
  ]
  (#module? @name
    "socket" "_socket" "socketserver" "requests" "urllib" "urllib3" "http.client" "http.server" "httpx" "aiohttp"
    "ftplib" "smtplib" "poplib" "imaplib" "nntplib" "telnetlib" "xmlrpc" "paramiko" "webbrowser")
  (#set! reason "there is no network here")
  (#set! code "forbidden-import"))

([
    (import_statement name: (dotted_name) @name)
    (import_statement name: (aliased_import name: (dotted_name) @name))
    (import_from_statement module_name: (dotted_name) @name)
  ]
  (#module? @name "pickle" "_pickle" "cPickle" "dill" "cloudpickle" "shelve" "marshal")
  (#set! reason "loading such data can run any code")
  (#set! code "forbidden-import"))

([
    (import_statement name: (dotted_name) @name)
    (import_statement name: (aliased_import name: (dotted_name) @name))
    (import_from_statement module_name: (dotted_name) @name)
  ]
  (#module? @name
    "importlib" "_frozen_importlib" "_frozen_importlib_external" "imp" "_imp" "zipimport" "pkgutil" "runpy" "code" "codeop"
    "builtins" "__builtin__" "cffi" "_ctypes")
  (#set! reason "it gives access to every other module and builtin")
  (#set! code "forbidden-import"))

; What the strict level adds: the host the program runs on, files, and the interpreter's inside.
([
    (import_statement name: (dotted_name) @name)
    (import_statement name: (aliased_import name: (dotted_name) @name))
    (import_from_statement module_name: (dotted_name) @name)
  ]
  (#module? @name
    "sys" "pathlib" "ctypes" "_io" "fileinput" "linecache" "posixpath" "ntpath" "genericpath" "site" "sysconfig" "gc" "inspect"
    "pdb" "bdb" "trace" "pip" "ensurepip" "venv")
  (#set! level "strict")
  (#set! reason "this module is not allowed at the strict level")
  (#set! code "forbidden-import"))

; from logging import os: modules hold the modules they use. A program's own package (from . import os) is its own.
([
    (import_from_statement module_name: (dotted_name) name: (dotted_name) @name)
    (import_from_statement module_name: (dotted_name) name: (aliased_import name: (dotted_name) @name))
  ]
  (#any-of? @name
    "os" "_os" "posix" "subprocess" "_posixsubprocess" "shutil" "_shutil" "socket" "_socket" "pickle" "importlib" "builtins")
  (#set! reason "this module is not allowed, and not by way of another one")
  (#set! code "forbidden-import"))

([
    (import_from_statement module_name: (dotted_name) name: (dotted_name) @name)
    (import_from_statement module_name: (dotted_name) name: (aliased_import name: (dotted_name) @name))
  ]
  (#any-of? @name "sys" "_sys" "pathlib" "ctypes")
  (#set! level "strict")
  (#set! reason "this module is not allowed, and not by way of another one")
  (#set! code "forbidden-import"))

; pathlib.os.system("…"), random._os.fork()
((attribute
    object: (attribute attribute: (identifier) @name)
    attribute: (identifier) @function)
  (#any-of? @name "os" "_os" "posix")
  (#any-of? @function
    "system" "popen" "fork" "forkpty" "kill" "killpg" "putenv" "posix_spawn" "posix_spawnp" "startfile" "open" "listdir"
    "scandir" "walk" "remove" "unlink" "rmdir" "removedirs" "rename" "replace" "mkdir" "makedirs" "chmod" "chown" "symlink" "link"
    "environ" "execl" "execle" "execlp" "execlpe" "execv" "execve" "execvp" "execvpe" "spawnl" "spawnle" "spawnlp" "spawnlpe"
    "spawnv" "spawnve" "spawnvp" "spawnvpe")
  (#set! reason "this module is not allowed, and not by way of another one")
  (#set! code "forbidden-import"))

((attribute
    object: (identifier) @object
    attribute: (identifier) @name)
  (#any-of? @name "os" "_os" "sys" "_sys" "subprocess" "shutil" "_shutil" "socket" "pickle" "importlib" "builtins" "pathlib")
  (#not-any-of? @object "self" "cls")
  (#set! level "strict")
  (#set! reason "this module is not allowed, and not by way of another one")
  (#set! code "forbidden-import"))

; sys.modules["os"], sys.modules.get("os"), and modules["os"] after from sys import modules
([
    (subscript value: (attribute attribute: (identifier) @modules) subscript: (_) @name)
    (subscript value: (identifier) @modules subscript: (string) @name)
    (call
      function: (attribute object: (attribute attribute: (identifier) @modules) attribute: (identifier) @get)
      arguments: (argument_list (_) @name))
  ]
  (#eq? @modules "modules")
  (#any-of? @get "get" "pop" "setdefault" "__getitem__")
  (#module? @name
    "os" "posix" "nt" "subprocess" "_posixsubprocess" "shutil" "socket" "_socket" "pickle" "_pickle" "importlib" "builtins" "marshal")
  (#set! reason "this module is not allowed, loaded or not")
  (#set! code "forbidden-import"))

; Imports that are calls.
([
    (call function: (identifier) @name)
    (call function: (parenthesized_expression (identifier) @name))
    (call function: (attribute attribute: (identifier) @name))
  ]
  (#any-of? @name
    "__import__" "import_module" "load_module" "exec_module" "create_module" "module_from_spec" "spec_from_file_location")
  (#set! reason "modules are imported with an import statement")
  (#set! code "forbidden-import"))


; == Builtins ==

([
    (call function: (identifier) @name)
    (call function: (parenthesized_expression (identifier) @name))
    (decorator (identifier) @name)
  ]
  (#any-of? @name "exec" "eval" "compile")
  (#set! reason "running text as code is not allowed")
  (#set! code "forbidden-call"))

([
    (call function: (identifier) @name)
    (call function: (parenthesized_expression (identifier) @name))
  ]
  (#eq? @name "breakpoint")
  (#set! reason "there is no debugger here")
  (#set! code "forbidden-call"))

([
    (call function: (identifier) @name)
    (call function: (parenthesized_expression (identifier) @name))
    (decorator (identifier) @name)
  ]
  (#any-of? @name "open" "input")
  (#set! level "strict")
  (#set! reason "files and input are not allowed at the strict level")
  (#set! code "forbidden-call"))

; A builtin that goes by another name: e = eval, map(eval, lines), [exec][0], lambda f=open: f
([
    (assignment right: (identifier) @name)
    (assignment right: (expression_list (identifier) @name))
    (named_expression value: (identifier) @name)
    (argument_list (identifier) @name)
    (argument_list (list_splat (identifier) @name))
    (keyword_argument value: (identifier) @name)
    (default_parameter value: (identifier) @name)
    (typed_default_parameter value: (identifier) @name)
    (lambda body: (identifier) @name)
    (list (identifier) @name)
    (tuple (identifier) @name)
    (set (identifier) @name)
    (pair value: (identifier) @name)
    (parenthesized_expression (identifier) @name)
    (conditional_expression (identifier) @name)
    (boolean_operator (identifier) @name)
    (return_statement (identifier) @name)
    (yield (identifier) @name)
    (list_comprehension body: (identifier) @name)
    (generator_expression body: (identifier) @name)
    (attribute object: (identifier) @name)
  ]
  (#any-of? @name "exec" "eval" "compile" "__import__" "breakpoint" "open")
  (#set! level "strict")
  (#set! reason "a forbidden builtin is not allowed under another name either")
  (#set! code "forbidden-alias"))

; Only these, since input is a common name for a parameter.
([
    (assignment right: (identifier) @name)
    (named_expression value: (identifier) @name)
  ]
  (#eq? @name "input")
  (#set! level "strict")
  (#set! reason "a forbidden builtin is not allowed under another name either")
  (#set! code "forbidden-alias"))

; open() by way of a module that is allowed.
([
    (attribute object: (identifier) @module attribute: (identifier) @name)
    (import_from_statement module_name: (dotted_name) @module name: (dotted_name) @name)
    (import_from_statement module_name: (dotted_name) @module name: (aliased_import name: (dotted_name) @name))
  ]
  (#any-of? @module "io" "codecs" "tokenize" "gzip" "bz2" "lzma")
  (#any-of? @name "open" "open_code" "FileIO" "GzipFile" "BZ2File" "LZMAFile")
  (#set! level "strict")
  (#set! reason "files and input are not allowed at the strict level")
  (#set! code "forbidden-call"))

; Everything about __builtins__.
((identifier) @name
  (#eq? @name "__builtins__")
  (#set! reason "builtins are used by their names")
  (#set! code "forbidden-bypass"))

; globals()["eval"], vars()["__builtins__"], module.__dict__["exec"], and with .get()
([
    (subscript
      value: [
        (call function: (identifier) @scope)
        (attribute attribute: (identifier) @scope)
      ]
      subscript: (_) @name)
    (call
      function: (attribute
        object: [
          (call function: (identifier) @scope)
          (attribute attribute: (identifier) @scope)
        ]
        attribute: (identifier) @get)
      arguments: (argument_list (_) @name))
  ]
  (#any-of? @scope "globals" "locals" "vars" "__dict__")
  (#any-of? @get "get" "pop" "setdefault" "__getitem__")
  (#any-of? @name "exec" "eval" "compile" "__import__" "breakpoint" "__builtins__" "__loader__" "__spec__")
  (#set! reason "a forbidden builtin is not allowed by way of a dictionary either")
  (#set! code "forbidden-bypass"))

((call function: (identifier) @name)
  (#any-of? @name "globals" "locals" "vars")
  (#set! level "strict")
  (#set! reason "the dictionaries of names are not allowed at the strict level")
  (#set! code "forbidden-bypass"))

; getattr(x, "ev" "al"), object.__getattribute__(x, "__globals__"), operator.attrgetter("__globals__")
([
    (call function: (identifier) @getter arguments: (argument_list (_) @name))
    (call function: (attribute attribute: (identifier) @getter) arguments: (argument_list (_) @name))
  ]
  (#any-of? @getter "getattr" "setattr" "delattr" "__getattribute__" "__getattr__" "attrgetter" "methodcaller")
  (#match? @name
    "^(.*\\.)?(exec|eval|compile|breakpoint|import_module|_*os|subprocess|shutil|__import__|__builtins__|__globals__|__subclasses__|__code__|__loader__|f_globals|f_builtins)(\\..*)?$")
  (#set! reason "what is forbidden is not allowed by way of a string either")
  (#set! code "forbidden-bypass"))

([
    (call function: (identifier) @getter arguments: (argument_list (_) @name))
    (call function: (attribute attribute: (identifier) @getter) arguments: (argument_list (_) @name))
  ]
  (#any-of? @getter "getattr" "setattr" "delattr" "__getattribute__" "__getattr__" "attrgetter" "methodcaller")
  (#match? @name "^(.*\\.)?(open|input|sys|pathlib|modules|__.*__|[a-z]+_(frame|code|globals|locals|builtins|back))(\\..*)?$")
  (#set! level "strict")
  (#set! reason "what is forbidden is not allowed by way of a string either")
  (#set! code "forbidden-bypass"))


; == Walks through the object model, from any object to every loaded module ==

((attribute attribute: (identifier) @name)
  (#any-of? @name "__globals__" "func_globals" "f_globals" "f_builtins" "__loader__")
  (#set! reason "this leads to every other module and builtin")
  (#set! code "forbidden-attribute"))

; Shape.__subclasses__() asks a class for its own; these ask for all there are.
((attribute
    object: [
      (attribute) (call) (subscript) (parenthesized_expression) (string) (concatenated_string) (tuple) (list) (dictionary)
      (set) (integer) (float) (true) (false) (none)
    ]
    attribute: (identifier) @name)
  (#eq? @name "__subclasses__")
  (#set! reason "this leads to every class there is")
  (#set! code "forbidden-attribute"))

((attribute object: (identifier) @object attribute: (identifier) @name)
  (#any-of? @object "object" "type")
  (#eq? @name "__subclasses__")
  (#set! reason "this leads to every class there is")
  (#set! code "forbidden-attribute"))

; ().__class__.__bases__, not self.__class__.__mro__
((attribute
    object: (attribute
      object: [
        (attribute) (call) (subscript) (parenthesized_expression) (string) (concatenated_string) (tuple) (list)
        (dictionary) (set) (integer) (float) (true) (false) (none)
      ]
      attribute: (identifier) @class)
    attribute: (identifier) @name)
  (#eq? @class "__class__")
  (#any-of? @name "__base__" "__bases__" "__mro__" "mro")
  (#set! reason "this leads to every class there is")
  (#set! code "forbidden-attribute"))

; A function is given other code. Reading f.__code__.co_argcount is fine.
([
    (assignment left: (attribute attribute: (identifier) @name))
    (attribute object: (attribute attribute: (identifier) @name) attribute: (identifier) @replace)
  ]
  (#eq? @name "__code__")
  (#eq? @replace "replace")
  (#set! reason "code is not made at run time")
  (#set! code "forbidden-attribute"))

((attribute attribute: (identifier) @name)
  (#any-of? @name
    "__class__" "__dict__" "__subclasses__" "__base__" "__bases__" "__mro__" "__code__" "__closure__" "__func__" "__self__"
    "__getattribute__" "__reduce__" "__reduce_ex__" "__spec__" "__builtin__" "__import__" "gi_frame" "gi_code" "cr_frame" "cr_code" "ag_frame" "ag_code" "f_back"
    "f_locals" "f_code" "tb_frame" "tb_next" "_getframe" "func_code")
  (#set! level "strict")
  (#set! reason "the interpreter's inside is not allowed at the strict level")
  (#set! code "forbidden-attribute"))

; "{0.__class__}".format(x)
((call function: (attribute object: (_) @name attribute: (identifier) @format))
  (#any-of? @format "format" "format_map")
  (#match? @name "\\{[^}]*[.[]_*__")
  (#set! level "strict")
  (#set! reason "the interpreter's inside is not allowed at the strict level")
  (#set! code "forbidden-attribute"))


; == What allowed modules hold that is not ==

; asyncio
([
    (attribute attribute: (identifier) @name)
    (import_from_statement module_name: (dotted_name) name: (dotted_name) @name)
    (import_from_statement module_name: (dotted_name) name: (aliased_import name: (dotted_name) @name))
  ]
  (#any-of? @name "create_subprocess_exec" "create_subprocess_shell" "subprocess_exec" "subprocess_shell")
  (#set! reason "starting programs is not allowed")
  (#set! code "forbidden-attribute"))

; ctypes
([
    (attribute attribute: (identifier) @name)
    (import_from_statement module_name: (dotted_name) name: (dotted_name) @name)
    (import_from_statement module_name: (dotted_name) name: (aliased_import name: (dotted_name) @name))
  ]
  (#any-of? @name "CDLL" "PyDLL" "WinDLL" "OleDLL" "cdll" "pydll" "windll" "oledll" "pythonapi" "LibraryLoader")
  (#set! reason "loading libraries is not allowed")
  (#set! code "forbidden-attribute"))
