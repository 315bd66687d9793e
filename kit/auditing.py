"""Audits of several chapters side by side, each in a process of its own; see kit/audit.py."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from kit.chapters import chapter, chapter_names, repository
from kit.console import print_table


def audit_chapters(
    names: list[str] | None, jobs: int, deep: bool, frozen: bool, progress: Progress
) -> list[dict]:
    """Audit chapters; what `python -m kit.audit` reports of each."""
    names = [chapter(name).name for name in names or chapter_names()]
    task = progress.add_task("auditing", total=len(names))
    options = ["--deep"] * deep + ["--frozen"] * frozen

    def one(name: str) -> dict:
        command = [sys.executable, "-m", "kit.audit", name, *options]
        # as in the grader: what depends on the order of a set is the same each time
        variables = os.environ | {"PYTHONHASHSEED": "0"}
        done = subprocess.run(
            command, cwd=repository(), env=variables, capture_output=True, text=True
        )
        progress.update(task, advance=1, description=f"audited {name}")
        try:
            return json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            words = " | ".join(done.stderr.strip().splitlines()[-3:])
            return {"chapter": name, "tests": {}, "mistakes": [f"audit itself failed: {words}"]}

    longest_first = sorted(names, key=_bank_size, reverse=True)
    with ThreadPoolExecutor(jobs) as pool:
        audits = dict(zip(longest_first, pool.map(one, longest_first), strict=True))
    return [audits[name] for name in names]


def _bank_size(name: str) -> int:
    path = repository() / "tests" / name / "bugs.py"
    return path.stat().st_size if path.exists() else 0


def print_audits(audits: list[dict], console: Console) -> bool:
    """Print a line per problem and every mistake; whether all is in order."""
    table = Table(header_style="bold")
    for column in ("chapter", "problem"):
        table.add_column(column, no_wrap=True)
    for column in ("tests", "bugs caught", "twins accepted", "tests that catch nothing"):
        table.add_column(column, justify="right")
    for audit in audits:
        for problem, tests in audit["tests"].items():
            mine = [name for name, of in audit["problems"].items() if of == problem]
            bugs = [name for name in mine if name in audit["caught"]]
            table.add_row(
                audit["chapter"],
                problem,
                str(len(tests)),
                f"{sum(bool(audit['caught'][bug]) for bug in bugs)}/{len(bugs)}",
                f"{sum(name not in audit['failed_twins'] for name in mine if name not in bugs)}"
                f"/{len(mine) - len(bugs)}",
                str(sum(test in audit["idle"] for test in tests)),
            )
    print_table(table, console)
    for audit in audits:
        if audit["tests"]:
            bugs, seconds = len(audit["caught"]), audit["seconds"]
            line = f"{audit['chapter']}: {audit['named']} of {bugs} bugs are told their name"
            line += f", {len(audit['twins'])} twins, {seconds:.0f} s"
            line += "; fingerprints.json rewritten" if audit["rewritten"] else ""
            console.print(line, highlight=False)
    mistakes = [(audit["chapter"], text) for audit in audits for text in audit["mistakes"]]
    for name, text in mistakes:
        console.print(f"{name}: {text}", style="red", markup=False, highlight=False, soft_wrap=True)
    return not mistakes
