"""Leaderboards: who is ahead in each figure that tests have measured, and leaderboard.csv.

A submission stands on a board once, whoever shares it, and only if its problem is solved. Figures
are no points: no grade depends on them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kit.course import Grade
from kit.gradebook import WHO, csv_text, who
from kit.results import Figure, figure_text
from kit.text import cell

COLUMNS = ("chapter", "figure", "unit", "better", "rank", "of", "value", *WHO, "late")


@dataclass(frozen=True)
class Place:
    """A submission's place on a board."""

    rank: int  # equal figures share one, and leave out the next
    figure: Figure
    grades: tuple[Grade, ...]  # of all who share the submission


@dataclass(frozen=True)
class Board:
    """One figure, and everybody who has it, the best first."""

    chapter: str
    figure: Figure  # the best one
    places: tuple[Place, ...]

    def share(self, place: Place) -> float:
        """How long a place's bar is, of the longest; a figure below zero has none."""
        longest = max(place.figure.value for place in self.places)
        return max(place.figure.value, 0.0) / longest if longest > 0 else 0.0


def leaderboards(grades: Sequence[Grade]) -> list[Board]:
    """A board for each figure, chapter by chapter."""
    found: dict[tuple[str, str, str, str], dict[str, tuple[Figure, list[Grade]]]] = {}
    for grade in grades:
        for chapter, figure in figures_of(grade):
            key = (chapter, figure.name, figure.unit, figure.better)
            _, sharing = found.setdefault(key, {}).setdefault(grade.result.submission, (figure, []))
            sharing.append(grade)
    return [_board(key[0], [*entries.values()]) for key, entries in sorted(found.items())]


def figures_of(grade: Grade) -> Iterator[tuple[str, Figure]]:
    """The figures of one student, each with its chapter."""
    if grade.handed_in:
        for result in grade.result.chapters:
            yield from ((result.chapter.name, figure) for figure in result.figures())


def places_of(grade: Grade, boards: Sequence[Board]) -> Iterator[tuple[Board, Place]]:
    """Where one student stands; names nobody else."""
    for board in boards:
        for place in board.places:
            if any(other is grade for other in place.grades):
                yield board, place


def leaderboard_csv(boards: Sequence[Board]) -> str:
    """All boards, a row per student."""
    rows: list[Sequence[str]] = [COLUMNS]
    for board in boards:
        for place in board.places:
            figure = place.figure
            cells = [cell(t) for t in (board.chapter, figure.name, figure.unit, figure.better)]
            cells += [str(place.rank), str(len(board.places)), repr(figure.value)]
            for grade in place.grades:
                late = "late" if board.chapter in grade.late else ""
                rows.append([*cells, *who(grade), late])
    return csv_text(rows)


def _board(chapter: str, entries: list[tuple[Figure, list[Grade]]]) -> Board:
    entries.sort(key=lambda entry: entry[0].badness)
    places: list[Place] = []
    for number, (figure, grades) in enumerate(entries, 1):
        # what readers see as equal is equal: the digits beyond are noise
        tied = places and figure_text(places[-1].figure.value) == figure_text(figure.value)
        places.append(Place(places[-1].rank if tied else number, figure, tuple(grades)))
    return Board(chapter, places[0].figure, tuple(places))
