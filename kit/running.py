"""One grading run: from paths, through journal and executor, to results."""

import difflib
import fnmatch
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from kit import sandbox
from kit.chapters import Chapter, chapter, chapter_names, repository
from kit.content import digest, tree
from kit.grading import Grader
from kit.journal import MAX_ATTEMPTS, Journal, Known, Part, put_aside
from kit.loader import REFERENCE
from kit.places import work_folder
from kit.results import SubmissionResult, TestResult
from kit.rooms import secret_folders
from kit.seeds import course_key
from kit.submissions import Submission, find_submissions, stage
from kit.works import Graded, Work

if TYPE_CHECKING:
    from kit.cluster import Cluster

JUDGE_MB = 400  # a judge and its share of zygote and mother
RETRIED = ("infra", "crash", "timeout", "oom", "error", "fail", "forbidden", "todo")


@dataclass(frozen=True)
class Options:
    """How a class is to be graded."""

    out: Path | None = None  # where journal and reports lie; nothing is kept without one
    chapters: list[str] | None = None
    jobs: int = 1
    require_sandbox: str | None = None
    only: tuple[str, ...] = ()  # globs on the ids of submissions
    retry: frozenset[str] = frozenset()  # verdicts that are given anew
    fresh: bool = False
    slurm: dict[str, str | int] | None = None  # grade on a cluster; what its jobs ask for


@dataclass
class Outcome:
    """What a run has done."""

    results: list[SubmissionResult] = field(default_factory=list)  # of the whole class
    chosen: set[str] = field(default_factory=set)  # the submissions of this run
    graded: int = 0  # tests judged in this run
    known: int = 0  # tests whose verdicts were in the journal


def reference_submission(chapters: list[str] | None) -> Submission:
    """The reference in solutions/, handed in like any other."""
    home = repository() / REFERENCE
    names = [name for name in chapter_names() if chapters is None or name in chapters]
    if unknown := set(chapters or ()) - set(names):
        known = ", ".join(chapter_names())
        raise ValueError(f"no chapter {', '.join(sorted(unknown))}; choose from {known}")
    folders = {name: home / name for name in names}
    return Submission("reference", home, home, folders)


def grade_class(paths: list[Path], options: Options, progress: Progress) -> Outcome:
    """Grade what lies at `paths` (the reference if there are none) and is not graded yet."""
    if wrong := options.retry - set(RETRIED):
        raise ValueError(f"--retry {', '.join(sorted(wrong))}; choose from {', '.join(RETRIED)}")
    check_rung(options.require_sandbox)
    if options.fresh and options.out and not (options.only or options.chapters):
        put_aside(options.out)
        shutil.rmtree(options.out / "cluster", ignore_errors=True)  # results not in the journal yet
    with work_folder("intake") as intake:
        submissions = _take_in(paths, options, intake)
        secrets = [intake, *(path for path in paths if path.exists())]
        return grade_submissions(submissions, options, secrets, progress)


def grade_submissions(
    submissions: Sequence[Submission],
    options: Options,
    secrets: Sequence[Path],
    progress: Progress,
) -> Outcome:
    """Grade what the journal in options.out does not know; students may not read `secrets`."""
    course_key()  # a key that cannot be read is found out before grading, not after
    with ExitStack() as stack:
        room = stack.enter_context(work_folder("staged"))
        journal = stack.enter_context(Journal(options.out))
        kept = [options.out] if options.out else []
        run = _Run(options, journal, room, [*secrets, room, *kept], stack, progress)
        parts = run.stage(submissions)
        journal.take_in(submissions, parts, options.chapters or chapter_names())
        run.grade([part for part in parts if part.content])
        run.outcome.results = journal.results()
        run.outcome.chosen = {submission.id for submission in submissions}
        return run.outcome


def _take_in(paths: list[Path], options: Options, intake: Path) -> list[Submission]:
    if not paths:
        return [reference_submission(options.chapters)]
    submissions = find_submissions(paths, options.chapters, intake / "unpacked")
    # the operator's slip, not a student's: nobody should get a zero for it
    if missing := [s.problem for s in submissions if not os.path.lexists(s.source)]:
        raise ValueError("; ".join(missing))
    names = [submission.id for submission in submissions]
    for pattern in options.only:
        if not fnmatch.filter(names, pattern):
            near = difflib.get_close_matches(pattern, names, n=3) or names[:3]
            raise ValueError(f"--only {pattern} matches no submission; near: {', '.join(near)}")
    if not options.only:
        return submissions
    return [s for s in submissions if any(fnmatch.fnmatch(s.id, o) for o in options.only)]


@dataclass
class _Run:
    options: Options
    journal: Journal
    room: Path
    secrets: list[Path]
    stack: ExitStack
    progress: Progress
    outcome: Outcome = field(default_factory=Outcome)
    _grader: "Grader | Cluster | None" = None
    _seconds: dict[str, dict[str, float]] = field(default_factory=dict)  # chapter -> test -> time
    _files: dict[str, Path] = field(default_factory=dict)  # content -> the grader's copy

    def stage(self, submissions: Sequence[Submission]) -> list[Part]:
        """Copy every chapter of every submission, and find out what is in it."""
        parts = []
        for submission in submissions:
            for name in submission.chapters:
                target = self.room / f"{len(parts)}"
                problem = stage(submission, name, target)
                content = "" if problem else digest(name, tree(target))
                parts.append(Part(submission.id, chapter(name), content, problem))
                self._files.setdefault(content, target)
        return parts

    def grade(self, parts: Sequence[Part]) -> None:
        """Grade what the journal does not know; files that are equal are graded once."""
        works = {}
        for part in parts:
            if part.content not in works:
                works[part.content] = self._work(part)
        todo = [work for work in works.values() if work is not None]
        total = sum(len(work.tests or ()) for work in todo)
        task = self.progress.add_task("grading", total=total)

        def on_result(graded: Graded) -> None:
            self._enter(graded)
            done = sum(t.verdict == "pass" for t in graded.tests)
            name = f"{graded.work.submission} {graded.work.chapter.name}"
            text = f"{name}: {done}/{len(graded.tests)} tests pass"
            self.progress.update(task, advance=len(graded.work.tests or ()), description=text)

        if todo:
            self._executor().grade(todo, on_result)

    def _enter(self, graded: Graded) -> None:
        work = graded.work
        if graded.problem:
            self.journal.note(work.content, work.chapter, "infra", graded.problem)
        else:
            self.journal.enter(work.content, work.chapter, graded.tests, graded.rung, graded.node)
        self.outcome.graded += len(graded.tests)

    def _work(self, part: Part) -> Work | None:
        """What has to be done for a chapter of a submission; None if all is known."""
        blanks = self._listing(part.chapter)
        if isinstance(blanks, str):
            self.journal.note(part.content, part.chapter, "infra", blanks)
            return None
        known = self.journal.known(part.content, part.chapter)
        kept = {name for name, verdict in known.items() if self._stands(verdict)}
        tests = tuple(blank.test for blank in blanks if blank.test not in kept)
        self.outcome.known += len(kept)
        if not tests:
            return None
        if part.chapter.name not in self._seconds:
            self._seconds[part.chapter.name] = self.journal.seconds(part.chapter)
        expected = sum(self._seconds[part.chapter.name][test] for test in tests)
        files = self._files[part.content]
        return Work(part.submission, part.chapter, files, part.content, tests, expected)

    def _stands(self, known: Known) -> bool:
        """Whether a verdict given before is good enough for this run."""
        if self.options.fresh:
            return False
        required = self.options.require_sandbox
        if required and sandbox.RUNGS.index(known.rung) > sandbox.RUNGS.index(required):
            return False
        verdict = known.result.verdict
        if verdict == "infra" and known.attempts < MAX_ATTEMPTS:
            return False
        return verdict not in self.options.retry

    def _listing(self, subject: Chapter) -> list[TestResult] | str:
        if (blanks := self.journal.listing(subject)) is not None:
            return blanks
        found = self._executor().listing(subject)
        if not isinstance(found, str):
            self.journal.list_tests(subject, found)
        return found

    def _executor(self) -> "Grader | Cluster":
        """The executor, started when it is first needed."""
        if self._grader is None:
            if self.options.slurm is not None:
                self._grader = self.stack.enter_context(self._cluster())
                return self._grader
            rung = choose_rung(self.options.require_sandbox, self.secrets)
            jobs, memory = affordable(self.options.jobs)
            text = f"sandbox: {rung}; jobs: {jobs}, each up to {memory} MB"
            self.progress.console.print(text, soft_wrap=True)
            self._grader = self.stack.enter_context(Grader(jobs, rung, self.secrets))
        return self._grader

    def _cluster(self) -> "Cluster":
        from kit.cluster import Cluster

        return Cluster(
            self.options.out / "cluster",
            self.options.jobs,
            self.options.require_sandbox,
            self.options.slurm,
            self.secrets,
            self.journal.listing,
            self.progress.console.print,
        )


def check_rung(required: str | None) -> None:
    """ValueError where no rung of the sandbox has this name."""
    if required not in (None, *sandbox.RUNGS):
        known = ", ".join(sandbox.RUNGS)
        raise ValueError(f"no sandbox rung {required!r}; choose from {known}")


def choose_rung(required: str | None, secrets: Sequence[Path]) -> str:
    """The best rung that works here, at least the one required, else SandboxError."""
    check_rung(required)
    hidden = [str(path) for path in (*secret_folders(), *secrets)]
    status = sandbox.best_rung(None, secrets=hidden)
    if status.rung == "rlimits" and os.getuid() == 0:
        # the rung of users takes modes that let nobody else in; a better one leaves modes alone
        sandbox.close_secrets(hidden)
        status = sandbox.best_rung(None, secrets=hidden)
    if required and sandbox.RUNGS.index(status.rung) > sandbox.RUNGS.index(required):
        return sandbox.best_rung(required, secrets=hidden).rung  # it says what is missing
    return status.rung


def affordable(jobs: int) -> tuple[int, int]:
    """As many jobs as memory allows, and the most that each may take, in MiB."""
    most = max(p.memory_mb for name in chapter_names() for p in chapter(name).problems) + JUDGE_MB
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    available = int(fields["MemAvailable"].split()[0]) // 1024
    return max(1, min(jobs, available // most)), most
