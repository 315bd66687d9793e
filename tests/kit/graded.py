"""Invented results that the tests of reports share."""

from kit.chapters import Chapter, Problem
from kit.course import Course, Grade
from kit.results import ChapterResult, Figure, SubmissionResult, TestResult

SECRET = "hidden-inputs-and-source"
BIGRAM = Chapter(
    "ch01_bigram",
    "Bigram",
    (),
    (Problem("counts", 40, ("counts",)), Problem("probabilities", 60, ("p",), partial=True)),
)
MLP = Chapter("ch03_mlp", "MLP", (), (Problem("mlp", 100, ("mlp",)),))


def check(problem: str, verdict: str, public: bool = True, **more) -> TestResult:
    where = "test_public.py" if public else "test_hidden.py"
    more = {
        "title": f"{problem} behave",
        "detail": SECRET if not public else "got 1\nwanted 2",
    } | more
    return TestResult(f"{where}::test_x[{SECRET}]", problem, public, verdict, 0.25, **more)


def bigram(*tests: TestResult, note: str = "") -> ChapterResult:
    return ChapterResult(BIGRAM, tests, 1.5, note)


GOOD = bigram(check("counts", "pass"), check("probabilities", "pass", public=False))
HALF = bigram(
    check("counts", "fail", diagnosis=("pairs were counted twice",)),
    check("probabilities", "pass"),
    check("probabilities", "error", public=False, diagnosis=("rows were not normalised",)),
    check("probabilities", "todo"),
)
OWED = bigram(check("counts", "pass"), check("probabilities", "infra", public=False))
ALICE = SubmissionResult("alice", (GOOD, ChapterResult(MLP, (check("mlp", "pass"),))), seconds=3.25)
BOB = SubmissionResult("bob", (HALF,), rung="namespaces", seconds=2.5)
CAROL = SubmissionResult("carol", (OWED,), seconds=1.0)
DAN = SubmissionResult("dan", note="no chapter found; wanted ch01_bigram; rename the folder")


def measured(name: str, *figures: Figure, verdict: str = "pass") -> SubmissionResult:
    """A submission one of whose tests has measured something."""
    tests = check("counts", "pass", figures=figures), check("counts", verdict)
    return SubmissionResult(name, (bigram(*tests),))


def grade(result: SubmissionResult) -> Grade:
    """What a submission gets where there is no course."""
    return Course().apply([result])[0]
