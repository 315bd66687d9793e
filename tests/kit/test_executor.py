"""The local executor: in which order it works, and what it makes of tests that cannot be run."""

from pathlib import Path

import pytest

from kit.chapters import chapter
from kit.grading import Grader
from kit.running import affordable
from kit.works import Graded, Work
from tests.kit.toy import ADAPTERS


@pytest.fixture
def toy(toy_kit: Path, monkeypatch) -> Path:
    monkeypatch.setenv("STORYTELLER_ROOT", str(toy_kit))
    chapter.cache_clear()
    yield toy_kit
    chapter.cache_clear()


def work(folder: Path, name: str, seconds: float, **fields: object) -> Work:
    files = folder / name
    files.mkdir()
    (files / "adapters.py").write_text(ADAPTERS["ch91_base"])
    return Work(name, chapter("ch91_base"), files, name, seconds=seconds, **fields)


def test_the_slowest_come_first_so_that_no_worker_waits_at_the_end(toy, tmp_path, statuses):
    works = [work(tmp_path, name, s) for name, s in (("a", 1.0), ("b", 9.0), ("c", 5.0))]
    done: list[Graded] = []
    rung = next(status.rung for status in statuses.values() if status.works)
    with Grader(1, rung) as grader:
        listed = [test.test for test in grader.listing(chapter("ch91_base"))]
        grader.grade(works, done.append)
        one = work(tmp_path, "d", 1.0, tests=("test_public.py::test_halves",))
        grader.grade([one], done.append)
    assert [graded.work.submission for graded in done] == ["b", "c", "a", "d"]
    assert [[t.test for t in g.tests] for g in done] == [listed] * 3 + [list(one.tests)]
    assert {t.verdict for g in done for t in g.tests} == {"pass"}
    assert {g.rung for g in done} == {rung} and not any(g.infra for g in done)


def test_jobs_are_as_many_as_memory_allows(toy):
    jobs, most = affordable(10**6)
    assert 1 <= jobs < 10**6 and most > 2048, "memory of a job is not bounded"
    assert affordable(1) == (1, most)
