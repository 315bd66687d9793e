"""The chapters at work together: training, resuming, sampling, and what is said when it cannot be."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from kit.chapters import repository
from kit.storyteller import folder
from kit.storyteller.__main__ import app
from kit.storyteller.sampling import Draw, open_teller, whole_characters

CHAPTERS = ("ch04_attention", "ch05_transformer", "ch06_tokenization", "ch07_optimization")
NANO = ("train", "--preset", "nano", "--threads", "1", "--impl", "solutions")
COMMAND = [sys.executable, "-m", "kit.storyteller"]


@pytest.fixture(autouse=True)
def leave_no_chapter_open():
    """What was imported here must not be taken for another test's."""
    before, threads = set(sys.modules), torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("assignments", "solutions"):
            del sys.modules[name]


def run(*arguments: object):
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)


def refused(*arguments: object) -> str:
    """The one line that says why not."""
    done = run(*arguments)
    assert done.exit_code == 2 and not done.stdout, done.output
    [line] = done.stderr.splitlines()
    return line.removeprefix("storyteller: ")


@pytest.fixture(scope="module")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of the smallest model."""
    out = tmp_path_factory.mktemp("nano") / "run"
    done = run(*NANO, "--out", out)
    assert done.exit_code == 0, done.output
    return out


def weights(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / folder.CHECKPOINT, weights_only=True)["model"]


def records(out: Path) -> list[dict]:
    lines = (out / folder.METRICS).read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if k != "tokens_per_second"} for x in lines]


def test_a_run_leaves_figures_metrics_and_a_curve(nano):
    summary = json.loads((nano / folder.SUMMARY).read_text())
    first, *_, last = records(nano)
    assert last["step"] == summary["steps"] == len(records(nano))
    assert last["loss"] < first["loss"] - 0.3, "nothing was learnt"
    assert 0 < summary["baseline"]["bits_per_byte"] < 8
    assert all(story.strip() for story in summary["samples"])
    assert (nano / folder.CURVE).read_bytes().startswith(b"\x89PNG")
    wanted = {"seed", "seconds", "versions", "parameters", "bits_per_byte"}
    assert wanted <= summary.keys()


def test_a_finished_run_is_only_shown(nano):
    before = (nano / folder.CHECKPOINT).stat().st_mtime_ns
    done = run(*NANO, "--out", nano)
    assert done.exit_code == 0 and "bits per byte" in done.stdout
    assert (nano / folder.CHECKPOINT).stat().st_mtime_ns == before


def test_killed_and_resumed_is_never_killed(nano, tmp_path):
    out = tmp_path / "run"
    command = [*COMMAND, *NANO, "--out", str(out)]
    process = subprocess.Popen(command, cwd=repository(), stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (out / folder.CHECKPOINT).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    step = torch.load(out / folder.CHECKPOINT, weights_only=True)["step"]
    assert 0 < step < records(nano)[-1]["step"], "it was not killed on its way"
    assert not (out / folder.SUMMARY).exists()
    with open(out / folder.METRICS, "a") as file:
        file.write('{"step": 1')  # as if killed in the middle of a line
    done = run(*NANO, "--out", out)
    assert done.exit_code == 0, done.output
    assert records(out) == records(nano), "the resumed run took another way"
    assert all(torch.equal(w, weights(nano)[name]) for name, w in weights(out).items())
    figures = [json.loads((o / folder.SUMMARY).read_text()) for o in (out, nano)]
    assert figures[0]["bits_per_byte"] == figures[1]["bits_per_byte"]


def test_another_run_in_the_same_folder_is_refused(nano):
    assert "seed was 0, is 5" in refused(*NANO, "--out", nano, "--seed", "5")
    assert "steps was" in refused(*NANO, "--out", nano, "--steps", "3")


def test_fresh_begins_anew_and_leaves_what_is_not_its_own(nano, tmp_path):
    out = Path(shutil.copytree(nano, tmp_path / "run"))
    (out / "notes.md").write_text("mine")
    done = run(*NANO, "--out", out, "--steps", 2, "--fresh")
    assert done.exit_code == 0, done.output
    assert [record["step"] for record in records(out)] == [1, 2]
    assert (out / "notes.md").read_text() == "mine"


def test_a_folder_in_use_is_refused(tmp_path):
    with folder.lock(tmp_path):
        assert f"process {os.getpid()} trains in" in refused(*NANO, "--out", tmp_path)


def sample(*arguments: object):
    return run("sample", *arguments)


def test_a_sample_is_the_story_and_nothing_else(nano):
    done = sample("Once upon a time", "--model", nano, "--max-tokens", "20")
    assert done.exit_code == 0 and not done.stderr, done.output
    assert done.stdout.startswith("Once upon a time") and done.stdout.endswith("\n")
    assert done.stdout == sample("Once upon a time", "--model", nano, "--max-tokens", "20").stdout
    others = {
        sample("Once upon a time", "--model", nano, "--max-tokens", "20", "--seed", s).stdout
        for s in (1, 2)
    }
    assert len(others | {done.stdout}) == 3, "the seed does not matter"


def test_a_story_is_told_while_it_is_made(nano):
    teller = open_teller(nano, None)
    calls = []
    teller.model.register_forward_hook(lambda *_: calls.append(1))
    story = teller.tell("Once", Draw(max_tokens=30))
    assert next(story) == "Once" and not calls, "the prompt had to wait"
    next(story)
    assert len(calls) < 5, "the first words had to wait for the last"


def test_a_story_ends_where_the_model_ends_it(nano):
    teller = open_teller(nano, None)
    [end] = teller.tokenizer.encode("<|endoftext|>")
    teller.model.register_forward_hook(
        lambda _, inputs, logits: logits.index_fill_(-1, torch.tensor([end]), 1e4)
    )
    assert "".join(teller.tell("Once", Draw())) == "Once"


def test_no_half_character_is_shown(nano):
    tokenizer = open_teller(nano, None).tokenizer
    text = "One 🦊 and “two” 🌟!"
    ids = tokenizer.encode(text)
    assert len(ids) > len(text), "these characters should take several tokens"
    pieces = list(whole_characters(tokenizer, iter(ids)))
    assert "".join(pieces) == text and "\ufffd" not in "".join(pieces)
    assert len(pieces) > 5, "it was not streamed"
    cut = "".join(whole_characters(tokenizer, iter(tokenizer.encode("a🦊")[:-1])))
    assert cut == "a\ufffd", "what is left at the end is shown for what it is"


def test_a_reader_may_stop_listening(nano):
    command = [*COMMAND, "sample", "Once", "--model", str(nano)]
    process = subprocess.Popen(
        command, cwd=repository(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.read(4) == b"Once"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait(60)


def test_sampling_says_what_is_missing_or_damaged(nano, tmp_path):
    assert "train one first: python -m kit.storyteller train" in refused(
        "sample", "Once", "--model", tmp_path
    )
    assert "got an empty prompt" in refused("sample", " ", "--model", nano)
    assert "which is the model's context" in refused("sample", "far " * 99, "--model", nano)
    out = Path(shutil.copytree(nano, tmp_path / "run"))
    whole = (out / folder.CHECKPOINT).read_bytes()
    for damaged in (whole[:1000], b"", b"rubbish", whole[: len(whole) // 2] + b"x" * 99):
        (out / folder.CHECKPOINT).write_bytes(damaged)
        line = refused("sample", "Once", "--model", out)
        assert "cannot be read" in line and "--fresh" in line
    torch.save({"model": {}, "step": 3}, out / folder.CHECKPOINT)
    assert "cannot be read" in refused("sample", "Once", "--model", out)
    (out / folder.CHECKPOINT).write_bytes(whole)
    (out / "tokenizer.json").unlink()
    assert "tokenizer.json" in refused("sample", "Once", "--model", out)
    (out / folder.RUN).write_text("{")
    assert "is damaged" in refused("sample", "Once", "--model", out)


def test_an_unknown_preset_lists_the_known_ones(tmp_path):
    done = run("train", "--preset", "huge", "--out", tmp_path)
    assert done.exit_code == 2 and "nano, tiny, small" in done.stderr


@pytest.fixture
def home(tmp_path) -> Path:
    """A student's folder, with everything in it."""
    for name in CHAPTERS:
        shutil.copytree(
            repository() / "solutions" / name,
            tmp_path / "assignments" / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return tmp_path


def edit(path: Path, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, new, path.read_text())
    assert count == 1, f"{pattern!r} fits {count} places of {path}"
    path.write_text(text)


def test_a_students_folder_trains_the_same_model(home, nano):
    for i, name in enumerate(CHAPTERS):  # as the loader allows, a helper beside adapters.py
        chapter = home / "assignments" / name
        (chapter / "helper.py").write_text(f"WHOSE = {name!r}\n")
        with open(chapter / "adapters.py", "a") as file:
            file.write(f"\nimport helper\n\nassert helper.WHOSE == {name!r}, {i}\n")
    done = run(*NANO[:-1], home, "--out", home / "out")
    assert done.exit_code == 0, done.output
    assert records(home / "out") == records(nano)


def test_a_stub_ends_in_one_line(home):
    stub = r"(?<=\n)    return train\((.|\n)*?\)\n"
    edit(
        home / "assignments/ch07_optimization/adapters.py", stub, "    raise NotImplementedError\n"
    )
    start = (*NANO[:-1], home, "--out", home / "out")
    told = "train_loop of ch07_optimization is still a stub; write it, then try again"
    assert refused(*start) == told
    assert not (home / "out").exists(), "the check came after the work"
    adapters = home / "assignments/ch05_transformer/adapters.py"
    edit(adapters, r"    return llama.llama_forward\(", "    return mine(")
    adapters.write_text(adapters.read_text() + "\n\ndef mine(*_):\n    raise NotImplementedError\n")
    edit(adapters, r"    return loss\(logits, ids\)", "    raise NotImplementedError")
    assert refused(*start) == (
        "next_token_loss of ch05_transformer, train_loop of ch07_optimization are still stubs; "
        "write them, then try again"
    )


def test_a_stub_that_is_met_on_the_way_ends_in_one_line(home):
    adapters = home / "assignments/ch05_transformer/adapters.py"
    edit(adapters, r"    return llama.llama_forward\(", "    return mine(")
    adapters.write_text(adapters.read_text() + "\n\ndef mine(*_):\n    raise NotImplementedError\n")
    done = run(*NANO[:-1], home, "--out", home / "out")
    assert done.exit_code == 2 and "Traceback" not in done.output
    assert "mine of ch05_transformer is still a stub" in done.stderr


def test_the_clear_twins_serve_where_the_fast_ones_are_stubs(home, nano):
    adapters = home / "assignments/ch06_tokenization/adapters.py"
    for twin in (
        r"    return fast_training\.train_bpe_fast\(.*\)",
        r"    return FastTokenizer\(.*\)",
    ):
        edit(adapters, twin, "    raise NotImplementedError")
    done = run(*NANO[:-1], home, "--out", home / "out", "--steps", 1)
    assert done.exit_code == 0, done.output
    assert (home / "out/train.bin").read_bytes() == (nano / "train.bin").read_bytes()


def test_a_slip_of_the_student_keeps_its_traceback(home):
    adapters = home / "assignments/ch05_transformer/adapters.py"
    edit(adapters, r"    return llama.llama_forward\(", "    return state['x'](")
    with pytest.raises(KeyError, match="x"):
        run(*NANO[:-1], home, "--out", home / "out")


def test_a_folder_that_lacks_a_chapter_is_told(home):
    shutil.rmtree(home / "assignments/ch06_tokenization")
    line = refused(*NANO[:-1], home, "--out", home / "out")
    assert "holds no ch06_tokenization" in line


def test_help_is_quick_and_shows_examples():
    code = "import sys, kit.storyteller.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=repository()).returncode == 0
    done = run("train", "--help")
    assert "--fresh" in done.stdout and "sample" in done.stdout
