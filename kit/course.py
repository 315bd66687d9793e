"""The course: who takes it, what is due when, and what was decided after grading.

A course is applied to results; it grades nothing again and changes no result. Students who made a
submission together each get a grade, since each has extensions and late days of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit.amend import Waiver, amend
from kit.coursefile import read_course_file
from kit.lateness import Lateness, LatePolicy, describe
from kit.results import SubmissionResult
from kit.roster import Student


@dataclass(frozen=True)
class Grade:
    """What one student gets."""

    student: Student
    result: SubmissionResult  # without waived tests, and with the course's weights
    late: Mapping[str, Lateness] = field(default_factory=dict)  # of chapters that came late
    notes: tuple[str, ...] = ()  # what the course adds; safe to show
    handed_in: bool = True

    @property
    def penalty(self) -> float:
        """Points lost for being late."""
        return sum(lateness.lost for lateness in self.late.values())

    @property
    def points(self) -> float:
        """What counts in the end."""
        return self.result.score - self.penalty

    @property
    def status(self) -> str:
        """One of complete, pending, invalid (nothing could be graded) and missing."""
        return self.result.status if self.handed_in else "missing"

    def all_notes(self) -> list[str]:
        """What anybody has to say about this grade: intake, chapters, course."""
        return [*self.result.notes(), *self.notes]


@dataclass(frozen=True)
class Course:
    """A course; the empty one changes nothing."""

    title: str = ""
    students: tuple[Student, ...] = ()
    late: LatePolicy = LatePolicy()
    waivers: tuple[Waiver, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)  # "ch04_attention/softmax": points

    @classmethod
    def load(cls, path: Path) -> "Course":
        """Read a course file and its roster; ValueError lists the mistakes, a line each."""
        return cls(**read_course_file(path))

    def apply(self, results: Sequence[SubmissionResult]) -> list[Grade]:
        """A grade for everybody on the roster, then one for each submission of nobody on it.

        ValueError if a waiver or a weight is about nothing that exists.
        """
        amended = {r.submission: r for r in amend(results, self.waivers, self.weights)}
        grades: list[Grade] = []
        taken: set[str] = set()
        for student in self.students:
            folders = self._submissions_of(student, amended)
            taken.update(folders)
            grades.append(self._grade(student, folders, amended))
        strangers = [Student(name, folder=name) for name in amended if name not in taken]
        return [*grades, *(self._grade(s, [s.folder], amended) for s in strangers)]

    def _submissions_of(
        self, student: Student, results: Mapping[str, SubmissionResult]
    ) -> list[str]:
        """What the student handed in, then what partners did; the first one counts."""
        team = [s for s in self.students if s.id in student.partners or student.id in s.partners]
        return list(dict.fromkeys(s.folder for s in (student, *team) if s.folder in results))

    def _grade(
        self, student: Student, folders: Sequence[str], results: Mapping[str, SubmissionResult]
    ) -> Grade:
        if not folders:
            note = f"no submission {student.folder}" if student.folder else "nothing was handed in"
            nothing = SubmissionResult(student.folder or student.id, note=note)
            return Grade(student, nothing, handed_in=False)
        result = results[folders[0]]
        # the clock of a shared submission is that of the one who handed it in
        owners = [s for s in self.students if s.folder == folders[0]]
        owner = student if student in owners or not owners else owners[0]
        scores = {c.chapter.name: c.score for c in result.chapters}
        submitted = {name: time for name in scores if (time := owner.submitted_at(name))}
        late = self.late.assess(student.id, scores, submitted)
        notes = list(self._notes(student, owner, folders, result, submitted.keys()))
        return Grade(student, result, late, (*describe(late), *notes))

    def _notes(
        self,
        student: Student,
        owner: Student,
        folders: Sequence[str],
        result: SubmissionResult,
        dated: Sequence[str],
    ) -> Iterator[str]:
        if owner is not student:
            yield f"handed in by {owner.id}"
        if folders[1:]:
            yield f"partners handed in {', '.join(folders[1:])} too, which does not count here"
        if self.students and student not in self.students:
            yield "not on the roster"
        names = [c.chapter.name for c in result.chapters]
        due = [n for n in names if n not in dated and self.late.due_for(student.id, n)]
        if due:
            yield f"time of submission unknown, so not counted as late: {', '.join(due)}"
