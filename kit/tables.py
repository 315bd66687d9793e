"""Tables that are generated from chapter.toml, and kept true by tests."""

import re

from kit.chapters import chapter, chapter_names, repository

BEGIN, END = "<!-- chapters: begin -->", "<!-- chapters: end -->"


def chapter_table() -> str:
    """The README's table, as Markdown."""
    rows = ["| chapter | problems | points | needs |", "|---|---|--:|---|"]
    for name in chapter_names():
        subject = chapter(name)
        problems = ", ".join(problem.name.replace("_", " ") for problem in subject.problems)
        points = sum(problem.points for problem in subject.problems)
        needs = ", ".join(need.partition("_")[0] for need in subject.needs) or "–"
        link = f"[{subject.number} {subject.title}](assignments/{name}/README.md)"
        rows.append(f"| {link} | {problems} | {points} | {needs} |")
    return "\n".join(rows)


def readme_with_table(readme: str) -> str:
    """The README with its table as it should be; ValueError if it has no place for one."""
    pattern = re.compile(f"({re.escape(BEGIN)}\n).*?({re.escape(END)})", re.DOTALL)
    text, count = pattern.subn(lambda m: f"{m[1]}{chapter_table()}\n{m[2]}", readme)
    if count != 1:
        raise ValueError(f"README.md has {count} places for the table; wanted one {BEGIN} … {END}")
    return text


def write_chapter_table() -> bool:
    """Bring README.md up to date; whether it was stale."""
    path = repository() / "README.md"
    old = path.read_text(encoding="utf-8")
    new = readme_with_table(old)
    if new != old:
        path.write_text(new, encoding="utf-8")
    return new != old
