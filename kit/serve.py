"""The student's side of the door: it runs adapters and drivers, and answers in bytes.

The same Server answers in the test process (the local door) and in the sandbox. From the judge's
point of view everything here is untrusted: only bytes that pass `codec.loads` come out.

Requests   {"op": "scan", rules} · {"op": "load"} · {"op": "driver", module, source} ·
           {"op": "call", name, args, kwargs, seed, forbid} ·
           {"op": "run", name, module, args, kwargs, seed, forbid}
Answers    ("ok", value) · ("bad", message) · ("raised", {kind, args, message, todo, where, trace})
"""

import dis
import os
import random
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace

import numpy as np
import torch
from torch.overrides import TorchFunctionMode, resolve_name

from kit import codec, loader
from kit.forbidden import forbidden_name, scan
from kit.loader import Source

__tracebackhide__ = True  # in a failure, the test's own line tells more

# Re-raised by name on the judge's side; every other exception arrives as StudentError. Not among
# them: AssertionError, which would read as a failed test, and StopIteration, which ends loops.
RAISABLE = {
    kind.__name__: kind
    for kind in (
        *(ValueError, TypeError, IndexError, KeyError, LookupError, ArithmeticError),
        *(ZeroDivisionError, OverflowError, FloatingPointError, RuntimeError, RecursionError),
        *(UnicodeDecodeError, UnicodeEncodeError, UnicodeError, EOFError, BufferError),
        *(OSError, FileNotFoundError, FileExistsError, PermissionError, TimeoutError),
        *(NotImplementedError, AttributeError, NameError, ImportError, ModuleNotFoundError),
    )
}
# torch.manual_seed also queues itself for devices that a build for CPUs never has: 1 ms a call
MANUAL_SEED = (
    torch.manual_seed if torch.backends.cuda.is_built() else torch.default_generator.manual_seed
)
MESSAGE_LIMIT = 2000
TRACE_LIMIT = 8000
RAISE = dis.opmap["RAISE_VARARGS"]
LIBRARY_FOLDERS = (sysconfig.get_path("stdlib") + os.sep, "<frozen ")
KIT_FOLDER = os.path.dirname(__file__) + os.sep
GIVEN_FOLDER = os.path.join(KIT_FOLDER, "given", "")
UNREADABLE = {"kind": "", "name": "Exception", "args": [], "message": "(it could not be read)"}
UNREADABLE |= {"todo": "", "where": "", "trace": ""}


class Forbidden(Exception):
    """The code under test called what its problem asks it to build."""


class ForbiddenCalls(TorchFunctionMode):
    """Raise Forbidden when the student's code asks torch for one of `names`, e.g. torch.softmax.

    Active while adapters and drivers run. Who calls decides: what a driver, the kit or a chapter
    that is only needed calls for itself is none of the student's, but a forward() of theirs is.
    """

    def __init__(self, names: Iterable[str], source: Source | None, drivers: Iterable[ModuleType]):
        super().__init__()
        self.names = tuple(names)
        self.source = source
        self.drivers = [vars(driver) for driver in drivers]
        self.active = False

    def __enter__(self) -> "ForbiddenCalls":
        """Watch this thread, and the threads that are started meanwhile."""
        self.active, self.others = True, threading.gettrace()
        threading.settrace(self._enter_thread)
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        """Let everything through again, also in threads that go on."""
        self.active = False
        threading.settrace(self.others)
        super().__exit__(*error)

    def _enter_thread(self, *_: object) -> None:
        """Called as a thread begins: a mode is of the one thread that enters it."""
        sys.settrace(self.others)
        super().__enter__()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Refuse a forbidden function; let every other one through."""
        if not self.active:
            return func(*args, **(kwargs or {}))
        name = resolve_name(func) or f"{func.__module__}.{func.__qualname__}"
        if forbidden_name(name, self.names) and (where := self._place(sys._getframe(1))):
            raise Forbidden(f"{where} calls {name.replace('_VariableFunctionsClass.', '')}")
        return func(*args, **(kwargs or {}))

    def _place(self, frame: FrameType | None) -> str:
        """The student's line that calls, looking out through libraries; "" if others call."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file == __file__:
                return "adapters.py"  # the adapter itself is the forbidden function
            if frame.f_globals in self.drivers or self._is_foreign(file):
                return ""
            if not file.startswith(LIBRARY_FOLDERS) and "-packages/" not in file:
                return f"{os.path.basename(file)}:{frame.f_lineno}"
            frame = frame.f_back
        return ""

    def _is_foreign(self, file: str) -> bool:
        """Whether a file is the kit's, but not kit.given, or another chapter's."""
        if file.startswith(KIT_FOLDER):
            return not file.startswith(GIVEN_FOLDER)
        if self.source is None or Path(file).is_relative_to(self.source.folder):
            return False
        return any(
            Path(file).is_relative_to(f) for f in (self.source.home, *self.source.needs.values())
        )


class Server:
    """Runs one chapter's code. `load` returns its adapters: a module, or any namespace.

    `source` is where it lies; without one its text cannot be scanned.
    """

    def __init__(
        self, load: Callable[[], ModuleType | SimpleNamespace], source: Source | None = None
    ):
        self._load = load
        self._source = source
        self._adapters: ModuleType | SimpleNamespace | None = None
        self._drivers: dict[str, ModuleType] = {}

    def handle(self, request: bytes) -> bytes:
        """Answer one request. Nothing a student's code raises gets out, save KeyboardInterrupt."""
        message = codec.loads(request)
        try:
            with self._watch(message.get("forbid")):  # also while lazy containers are encoded
                return codec.dumps(("ok", self._perform(message)))
        except KeyboardInterrupt:
            raise
        except codec.CodecError as error:
            return codec.dumps(("bad", f"{message.get('name')}: {error}"))
        except BaseException as error:  # of the code, or of an object while it is encoded
            return codec.dumps(("raised", self._report(error)))

    def _perform(self, message: dict) -> object:
        match message["op"]:
            case "scan":
                folder = self._source and self._source.folder
                return {p: scan(folder, *rule) for p, rule in message["rules"].items() if folder}
            case "load":
                self._adapters = self._load()
                return sorted(n for n, v in vars(self._adapters).items() if callable(v))
            case "driver":
                self._drivers[message["module"]] = _execute(message["module"], message["source"])
                return None
            case "call":
                _seed(message["seed"])
                return _call(_adapter(self._adapters, message["name"]), message)
            case "run":
                driver = getattr(self._drivers[message["module"]], message["name"])
                _seed(message["seed"])
                return driver(self._adapters, *message["args"], **message["kwargs"])
        raise ValueError(f"unknown request {message['op']!r}")

    def _watch(self, forbid: list[str] | None) -> AbstractContextManager:
        """Look out for forbidden calls, where there are any."""
        if not forbid:
            return nullcontext()
        return ForbiddenCalls(forbid, self._source, self._drivers.values())

    def _report(self, error: BaseException) -> dict[str, object]:
        """What the judge may know of an exception: plain data, of bounded size."""
        try:
            return codec.loads(codec.dumps(self._describe(error)))
        except BaseException:  # its class may lie about its own name
            return UNREADABLE

    def _describe(self, error: BaseException) -> dict[str, object]:
        kind = next((k.__name__ for k in type(error).__mro__ if k in RAISABLE.values()), "")
        name = "MemoryError" if isinstance(error, MemoryError) else type(error).__name__[:100]
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if not _is_noise(f.filename)]
        where = f"{own[-1].filename.rsplit('/', 1)[-1]}:{own[-1].lineno}" if own else ""
        return {
            "kind": kind,
            "name": name,
            "args": _plain_arguments(error),
            "message": _text_of(error),
            "todo": self._todo(error),
            "where": "" if isinstance(error, SyntaxError) else where,  # its message has the line
            "trace": _trace(own, error),
        }

    def _todo(self, error: BaseException) -> str:
        """The adapter that is still a stub: a `raise` in its own frame, not in one below.

        Torch's operators raise it too, from C and so in the frame that has called them.
        """
        if not isinstance(error, NotImplementedError) or error.__traceback__ is None:
            return ""
        last = error.__traceback__
        while last.tb_next:
            last = last.tb_next
        if last.tb_frame.f_code.co_code[last.tb_lasti] != RAISE:
            return ""
        for name, function in vars(self._adapters or SimpleNamespace()).items():
            if getattr(function, "__code__", None) is last.tb_frame.f_code:
                return name
        return ""


def _adapter(adapters: object, name: str) -> Callable:
    if (function := getattr(adapters, name, None)) is None:
        raise NameError(f"adapters.py defines no {name}(); its stub is in the tests' contract.py")
    return function


class Changed(codec.CodecError):
    """An adapter has changed its arguments; the driver of a test may want that, a call never."""


def _call(adapter: Callable, message: dict) -> object:
    """Call an adapter by value: what it does to its arguments in place would hurt its caller."""
    arguments = dict(enumerate(message["args"])) | message["kwargs"]
    before = {name: codec.dumps(value) for name, value in arguments.items()}
    value = adapter(*message["args"], **message["kwargs"])
    for name, argument in arguments.items():
        if codec.dumps(argument) != before[name]:
            which = f"number {name + 1}" if isinstance(name, int) else name
            raise Changed(f"argument {which} was changed in place; leave it as it was")
    return value


def _execute(name: str, source: str) -> ModuleType:
    """A driver file as a module; code objects alone would lose their helpers."""
    module = ModuleType(name)
    module.__file__ = f"{name}.py"
    sys.modules[name] = module  # dataclasses look their module up by name
    exec(compile(source, module.__file__, "exec"), vars(module))
    return module


def _seed(seed: int) -> None:
    MANUAL_SEED(seed)
    np.random.seed(seed % (1 << 32))
    random.seed(seed)


def _is_noise(filename: str) -> bool:
    """Frames that are not the student's: this file, the loader, Python's import machinery."""
    return filename in (__file__, loader.__file__) or "importlib" in filename


def _trace(own: traceback.StackSummary, error: BaseException) -> str:
    """The student's own frames; for a syntax error the line with its caret."""
    lines = traceback.format_list(own)
    if isinstance(error, SyntaxError):
        lines += traceback.format_exception_only(error)
    return "".join(lines)[-TRACE_LIMIT:]


def _plain_arguments(error: BaseException) -> list:
    """The exception's arguments if they are short plain data, else none."""
    try:
        if len(data := codec.dumps(error.args)) <= MESSAGE_LIMIT:
            return list(codec.loads(data))  # what is plain now could change its mind
    except BaseException:  # arguments may be any object, and encode to anything
        return []
    return []


def _text_of(error: BaseException) -> str:
    try:
        return str.__str__(str(error))[:MESSAGE_LIMIT]
    except BaseException:  # a __str__ that raises
        return "(its message could not be read)"
