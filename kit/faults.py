"""What may happen to a call through the door instead of an answer: the verdict it means.

A Fault is what happens *to* a call (no answer, not done yet) rather than what the call raises. It
is no Exception: neither a test's `pytest.raises(Exception)` nor hypothesis may swallow or repeat it.
"""

from kit.results import Verdict


class StudentError(Exception):
    """The student's code raised something other than the built-in exceptions tests look for."""


class Fault(BaseException):
    """The call had no answer to judge."""

    verdict: Verdict = "error"


class Todo(Fault):
    """The adapter is still a stub."""

    verdict: Verdict = "todo"


class Unimportable(Fault):
    """adapters.py itself fails; told in full once, by the first test that meets it."""

    trace = ""


class Crash(Fault):
    """The student's process ended, or spoke out of turn."""

    verdict: Verdict = "crash"


class Timeout(Fault):
    """The call took longer than its problem allows."""

    verdict: Verdict = "timeout"


class OutOfMemory(Fault):
    """The call asked for more memory than its problem allows."""

    verdict: Verdict = "oom"


class Killed(OutOfMemory):
    """Somebody has killed the process: itself, the kernel, or a person. The test is run again."""


class ForbiddenCall(Fault):
    """The code called what its problem asks it to build."""

    verdict: Verdict = "forbidden"


class Infra(Fault):
    """The grader failed, not the student."""

    verdict: Verdict = "infra"
