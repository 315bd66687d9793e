"""Handouts promise what the code gives."""

import re
import subprocess
import sys

import pytest

from kit.chapters import chapter_names, repository

NUMBER = re.compile(r"-?\d[\d,]*\.?\d*")
HEADINGS = ["Idea", "Build", "Contract", "Check", "Go further"]


def handout(name: str) -> str:
    return (repository() / "assignments" / name / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", chapter_names())
def test_a_handout_has_the_five_headings(name):
    assert re.findall(r"^## (.+)$", handout(name), re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("name", chapter_names())
def test_every_link_leads_somewhere(name):
    folder = repository() / "assignments" / name
    for target in re.findall(r"\]\(([^)#]+)\)", handout(name)):
        assert target.startswith("https://") or (folder / target).exists(), target


def with_play() -> list[str]:
    return [n for n in chapter_names() if (repository() / "assignments" / n / "play.py").exists()]


@pytest.mark.slow
@pytest.mark.parametrize("name", with_play())
def test_play_prints_what_the_handout_shows(name):
    """Line by line: the same words, and the same numbers to 2 %, since the last digits may differ.

    A line that begins with "> " was drawn by chance from a trained model, and is not compared.
    """
    command = [sys.executable, f"assignments/{name}/play.py", "--impl", "solutions"]
    done = subprocess.run(command, cwd=repository(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    shown = handout(name).splitlines()
    lines = (line for line in done.stdout.splitlines() if line.strip())
    printed = [line for line in lines if not line.startswith("> ")]
    assert printed, "nothing was printed"
    for line in printed:
        alike = [numbers(other) for other in shown if words(other) == words(line)]
        assert alike, f"the handout does not show: {line}"
        close = pytest.approx(numbers(line), rel=0.02, abs=0.02)
        assert any(close == other for other in alike), f"{line}\n  the handout has {alike}"


def words(line: str) -> str:
    return " ".join(NUMBER.sub("#", line).split())


def numbers(line: str) -> list[float]:
    return [float(n.replace(",", "")) for n in NUMBER.findall(line)]
