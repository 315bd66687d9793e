"""Hostile submissions, all in one batch: none gains a point, learns a secret or harms another.

tests/kit/attacks/ holds one small submission per attack, attack_table.py what it may earn. On rungs
below the best, only the attacks that the rung claims to stop are handed in.
"""

import json

import pytest
import torch

from kit import sandbox
from kit.seeds import seed_of
from tests.kit.attack_batch import CANARIES, KEY, Batch, run_batch
from tests.kit.attack_table import ATTACKS, CONTROLS, FOLDER, SHARED, describe
from tests.kit.students import need

LOWER = [pytest.param(rung, marks=pytest.mark.slow) for rung in sandbox.RUNGS[1:]]
HIDDEN = ("test_doubles_anything", "test_doubles_in_a_driver")


@pytest.fixture(scope="module", params=[sandbox.RUNGS[0], *LOWER])
def batch(request, statuses) -> Batch:
    """Every attack and control, graded on one rung."""
    rung = need(request.param, statuses)
    return run_batch(rung, statuses[rung].denies)


def verdicts(batch: Batch, name: str, problem: str) -> set[str]:
    chapters = batch.results[name].chapters
    return {t.verdict for c in chapters for t in c.tests if t.problem == problem}


def told(batch: Batch, name: str) -> str:
    return "\n".join(test["output"] for test in batch.reports[name]["tests"])


def test_every_attack_stands_in_the_table_and_says_what_it_does():
    files = {path.stem for path in FOLDER.iterdir() if path.name not in (SHARED, "__pycache__")}
    assert files == set(ATTACKS) and len(ATTACKS) > 60
    for name in ATTACKS:
        assert "Must not gain" in describe(name), name


def test_the_batch_is_graded_to_its_end(batch):
    handed_in = {*CONTROLS, *ATTACKS} - batch.skipped
    assert set(batch.results) == set(batch.reports) == handed_in
    for name, result in batch.results.items():
        tests = 2 if name in ATTACKS and ATTACKS[name].chapter == "ch92_more" else 5
        assert sum(len(c.tests) for c in result.chapters) == tests, f"{name} lost a test"
        assert not result.pending, f"{name} is infra, which is never a zero"


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_keeps_exactly_its_points(batch, name):
    assert batch.results[name].score == CONTROLS[name].points, told(batch, name)
    assert CONTROLS[name].shows in told(batch, name)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gains_nothing(batch, name):
    if name in batch.skipped:
        pytest.skip(f"this rung does not claim to {ATTACKS[name].stopped_by}")
    assert batch.results[name].score <= ATTACKS[name].points, told(batch, name)
    assert verdicts(batch, name, ATTACKS[name].problem) <= ATTACKS[name].verdicts, told(batch, name)
    assert ATTACKS[name].tells in told(batch, name)


def test_nothing_is_left_behind_and_nothing_changed(batch):
    assert batch.left == [] and batch.changed == []


def test_no_secret_is_told(batch):
    words = {text.split("'")[1] for text in CANARIES.values()} | {KEY.split()[0]}
    words |= {"CANARY-SUBMISSION"}
    assert len(words) == 4
    for name, report in batch.reports.items():
        text = json.dumps(report)
        assert not [word for word in words if word in text], name
        assert "\\u001b" not in text and "\\u202e" not in text, f"{name} writes escape codes"


def test_no_hidden_input_is_told(batch):
    """What is shown are the public tests, so they run before any hidden input is seen."""
    key = KEY.strip().encode()
    texts = {name: json.dumps(report) for name, report in batch.reports.items()}
    for test in HIDDEN:
        seed = seed_of(f"ch91_base/test_hidden.py::{test}", key)
        inputs = torch.randn(5, generator=torch.Generator().manual_seed(seed)).tolist()
        for name, text in texts.items():
            assert not [x for x in inputs if str(x)[:8] in text], f"{name} tells an input of {test}"
