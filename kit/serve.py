"""The student's side of the door: it runs adapters and drivers, and answers in bytes.

The same Server answers in the test process (the local door) and in the sandbox. From the judge's
point of view everything here is untrusted: only bytes that pass `codec.loads` come out.

Requests   {"op": "load"} · {"op": "driver", module, source} ·
           {"op": "call", name, args, kwargs, seed, forbid} ·
           {"op": "run", name, module, args, kwargs, seed, forbid}
Answers    ("ok", value) · ("bad", message) · ("raised", {kind, args, message, todo, where, trace})
"""

import dis
import random
import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import FrameType, ModuleType, SimpleNamespace

import numpy as np
import torch
from torch.overrides import TorchFunctionMode, resolve_name

from kit import codec, loader

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
MESSAGE_LIMIT = 2000
TRACE_LIMIT = 8000
RAISE = dis.opmap["RAISE_VARARGS"]
UNREADABLE = {"kind": "", "name": "Exception", "args": [], "message": "(it could not be read)"}
UNREADABLE |= {"todo": "", "where": "", "trace": ""}


class Forbidden(Exception):
    """The code under test called what its problem asks it to build."""


class ForbiddenCalls(TorchFunctionMode):
    """Raise Forbidden when the code under test asks torch for one of `names`, e.g. torch.softmax.

    A driver may ask for what it likes. `driver` holds its globals, by which its frames are known.
    """

    def __init__(self, names: list[str], driver: dict | None = None):
        super().__init__()
        self.names, self.driver = frozenset(names), driver

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Refuse a forbidden function; let every other one through."""
        name = resolve_name(func) or f"{func.__module__}.{func.__qualname__}"
        name = name.replace("torch.Tensor.", "Tensor.").replace("_VariableFunctionsClass.", "")
        aliases = {name, name.replace("Tensor.", "torch."), name.replace("torch.", "Tensor.")}
        if (forbidden := aliases & self.names) and not self._is_drivers(sys._getframe(1)):
            raise Forbidden(f"this problem forbids calling {forbidden.pop()}")
        return func(*args, **(kwargs or {}))

    def _is_drivers(self, frame: FrameType | None) -> bool:
        """Whether a call comes from the driver, be it by way of torch or of what kit gives it."""
        while frame and frame.f_globals.get("__name__", "").partition(".")[0] in ("torch", "kit"):
            frame = frame.f_back
        return frame is not None and frame.f_globals is self.driver


class Server:
    """Runs one chapter's code. `load` returns its adapters: a module, or any namespace."""

    def __init__(self, load: Callable[[], ModuleType | SimpleNamespace]):
        self._load = load
        self._adapters: ModuleType | SimpleNamespace | None = None
        self._drivers: dict[str, ModuleType] = {}

    def handle(self, request: bytes) -> bytes:
        """Answer one request. Nothing a student's code raises gets out, save KeyboardInterrupt."""
        message = codec.loads(request)
        try:
            answer = ("ok", self._perform(message))
            return codec.dumps(answer)
        except KeyboardInterrupt:
            raise
        except codec.CodecError as error:
            return codec.dumps(("bad", f"{message.get('name')}: {error}"))
        except BaseException as error:  # of the code, or of an object while it is encoded
            return codec.dumps(("raised", self._report(error)))

    def _perform(self, message: dict) -> object:
        match message["op"]:
            case "load":
                self._adapters = self._load()
                return sorted(n for n, v in vars(self._adapters).items() if callable(v))
            case "driver":
                self._drivers[message["module"]] = _execute(message["module"], message["source"])
                return None
            case "call":
                adapter = _adapter(self._adapters, message["name"])
                _seed(message["seed"])
                with _watched(message["forbid"]):
                    return _call(adapter, message)
            case "run":
                driver = getattr(self._drivers[message["module"]], message["name"])
                _seed(message["seed"])
                # also what an adapter hands out is watched: the methods of a class, a generator
                with _watched(message["forbid"], driver.__globals__):
                    return driver(self._adapters, *message["args"], **message["kwargs"])
        raise ValueError(f"unknown request {message['op']!r}")

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


def _watched(forbid: list[str], driver: dict | None = None) -> AbstractContextManager:
    return ForbiddenCalls(forbid, driver) if forbid else nullcontext()


def _adapter(adapters: object, name: str) -> Callable:
    if (function := getattr(adapters, name, None)) is None:
        raise NameError(f"adapters.py defines no {name}(); take its stub from the handout")
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
    # not torch.manual_seed: it keeps a stack trace per call for every device that is not there
    torch.default_generator.manual_seed(seed)
    if torch.backends.cuda.is_built():
        torch.cuda.manual_seed_all(seed)
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
