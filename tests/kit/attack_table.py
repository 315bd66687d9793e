"""What each attack of tests/kit/attacks/ may earn, and what stops it."""

import ast
from dataclasses import dataclass
from pathlib import Path

from tests.kit.toy import ADAPTERS

FOLDER = Path(__file__).parent / "attacks"
SHARED = "wire.py"  # copied beside the attacks that import it
NOTHING = "loot: []"  # what a thief says that came back with empty hands


@dataclass(frozen=True)
class Attack:
    """One hostile submission: its verdicts, its points, and who stops it."""

    verdicts: set[str]  # on the tests of `problem`
    points: float = 0.0  # what the same code earns honestly, that is without the attack
    stopped_by: tuple[str, ...] = ()  # promises of the sandbox without which it is not even tried
    problem: str = "double"
    tells: str = ""  # in the feedback: proof that the attack did run, and came to nothing

    @property
    def chapter(self) -> str:
        """The toy chapter that is handed in."""
        return "ch91_base" if self.problem == "double" else "ch92_more"


CONSTANT = 20.0  # halve(3.0) = 1.5 is one test of two, and `halve` pays by the share
RAISING = 20.0  # so is a ValueError, whatever the argument
READS, WRITES = ("read a secret",), ("write outside scratch",)
CODE = ("change its own code", "change a file's rights")
SYSTEM_CALLS = ("trace a process", "make a namespace", "fill memory: memfd")
OUTSIDE = ("reach the host's loopback", "reach a socket file of the host")
ENDLESS = ("start processes without end",)
SIGNALS = ("signal the grader",)

ATTACKS = {
    # forging the comparison
    "lying_float": Attack({"fail"}),
    "lying_tensor": Attack({"fail"}),
    "lying_array": Attack({"fail"}),
    "lying_containers": Attack({"fail"}),
    "pretended_class": Attack({"fail"}),
    "patched_assertions": Attack({"fail"}),
    "patched_pytest": Attack({"fail"}),
    "patched_server": Attack({"fail", "error"}),
    "silenced_errors": Attack({"error"}),
    # stealing answers
    "frame_walk": Attack({"error"}, tells=NOTHING),
    "code_constants": Attack({"error"}, tells=NOTHING),
    "memory_search": Attack({"error"}, tells=NOTHING),
    "reads_the_kit": Attack({"error"}, stopped_by=READS, tells=NOTHING),
    "searches_around": Attack({"error"}, stopped_by=READS, tells=NOTHING),
    "reads_processes": Attack({"error"}, stopped_by=(*READS, *SYSTEM_CALLS), tells=NOTHING),
    "reads_environment": Attack({"error"}, tells=NOTHING),
    "imports_the_judge": Attack({"error"}, stopped_by=READS, tells=NOTHING),
    "reads_its_own_reference": Attack(
        {"error"}, stopped_by=READS, problem="quadruple", tells="loot: [], needs: ['ch91_base']"
    ),
    "tells_hidden_inputs": Attack(
        {"pass", "error"}, stopped_by=WRITES, tells="loot: [1.0, 1.0, 1.0]"
    ),
    "guesses_seeds": Attack({"pass", "fail"}),
    # escaping the runner
    "exits_at_import": Attack({"crash"}),
    "exits_in_a_call": Attack({"crash"}),
    "exits_pytest": Attack({"error"}),
    "skips": Attack({"error"}),
    "skips_its_module": Attack({"error"}),
    "raises_control": Attack({"crash", "error"}),
    "expected_failure": Attack({"error"}),
    "dies_namelessly": Attack({"crash"}),
    # forging the report
    "own_settings": Attack({"fail"}),
    "shadow_modules": Attack({"error"}, tells=NOTHING),
    "rewrites_results_at_exit": Attack({"error"}, stopped_by=WRITES),
    "orphan": Attack({"fail"}, stopped_by=WRITES),
    "inherited_files": Attack({"crash"}),
    "hostile_pickle": Attack({"fail"}),
    "hostile_text": Attack({"error"}, RAISING),
    # talking to the judge
    "malformed_frames": Attack({"crash", "fail"}),  # a huge number is one, of the wrong type
    "answers_early": Attack({"crash"}),
    "answers_twice": Attack({"pass", "fail", "crash"}),
    "replays_answers": Attack({"fail", "crash", "error"}),
    "forged_verdicts": Attack({"todo", "error", "crash", "fail"}),
    "forged_exceptions": Attack({"fail", "error", "crash", "timeout"}, RAISING),
    "passes_files": Attack({"crash"}),
    "steals_questions": Attack({"fail", "timeout", "crash"}),
    "slow_answer": Attack({"timeout"}),
    "huge_answer": Attack({"fail", "timeout"}),
    "deep_answer": Attack({"fail"}),
    "colliding_keys": Attack({"fail", "timeout"}),
    # pretending to work
    "special_case": Attack({"pass", "fail", "error"}, CONSTANT),
    "constant_answer": Attack({"pass", "fail"}, CONSTANT),
    "mutated_input": Attack({"fail"}),
    "returned_view": Attack({"fail"}),
    "not_a_number": Attack({"fail"}),
    "infinite": Attack({"fail"}),
    "empty_shape": Attack({"fail"}),
    "resets_randomness": Attack({"fail"}),
    "caches_answers": Attack({"pass", "fail", "error"}, CONSTANT),
    "answers_late": Attack({"fail"}),
    # starving and disturbing the grader
    "deaf_loop": Attack({"timeout"}),
    "sleeps_at_import": Attack({"timeout"}),
    "sleeps_in_del": Attack({"timeout"}),
    "stops_itself": Attack({"timeout"}),
    "stdout_flood": Attack({"timeout"}),
    "memory_bomb": Attack({"oom", "timeout"}),
    "disk_bomb": Attack({"error", "timeout", "oom"}, stopped_by=WRITES),
    "fork_bomb": Attack({"crash", "error", "timeout"}, stopped_by=ENDLESS),
    "recursion_bomb": Attack({"crash", "timeout", "error"}),
    "interpreter_games": Attack({"crash"}),
    "lingering_thread": Attack({"crash", "fail"}),
    "starves_itself": Attack({"error", "oom", "crash", "timeout"}),
    "closes_scratch": Attack({"crash"}),
    # breaking out
    "changes_its_code": Attack({"error"}, stopped_by=CODE, tells=NOTHING),
    "leaves_notes": Attack({"error"}, stopped_by=WRITES, tells=NOTHING),
    "leaves_notes_again": Attack({"error"}, stopped_by=WRITES, tells=NOTHING),
    "many_files": Attack({"error", "timeout", "oom"}),
    "deep_folders": Attack({"fail", "error", "timeout", "oom"}),
    "plants_links": Attack({"fail"}, stopped_by=WRITES),
    "signals_the_grader": Attack({"error"}, stopped_by=SIGNALS, tells=NOTHING),
    "kernel_calls": Attack({"error"}, stopped_by=SYSTEM_CALLS, tells=NOTHING),
    "reaches_out": Attack({"error"}, stopped_by=OUTSIDE, tells=NOTHING),
    "raises_its_limits": Attack({"error"}, stopped_by=("raise its limits",), tells=NOTHING),
}


@dataclass(frozen=True)
class Control:
    """An honest submission, which must keep exactly its points."""

    files: dict[str, str]
    points: float
    shows: str = ""  # in its feedback


HONEST = ADAPTERS["ch91_base"]
LOUD = "    import sys\n    print('x' * 5_000_000); sys.stderr.write('y' * 5_000_000)\n    return 2 * x"
STUB = "".join(
    f"def {name}(x):\n    raise NotImplementedError\n\n\n" for name in ("double", "halve")
)
SLOW = "    import time\n    time.sleep(0.2)\n    return 2 * x"
CONFTEST = "import pytest\n\n\n@pytest.hookimpl\ndef pytest_runtest_makereport():\n    1 / 0\n"
SHOWS = "    raise RuntimeError('loot: ' + open(__file__).read()[-30:])"


def honest(body: str = "    return 2 * x") -> str:
    """The toy chapter with another body of double()."""
    return HONEST.replace("    return 2 * x", body)


CONTROLS = {
    "a_victim": Control({"adapters.py": honest() + "\nCANARY = 'CANARY-SUBMISSION'\n"}, 100),
    "chatty": Control({"adapters.py": honest(LOUD)}, 100),
    "honest": Control({"adapters.py": honest()}, 100),
    "own_conftest": Control({"adapters.py": honest(), "conftest.py": CONFTEST}, 100),
    "several_files": Control(
        {
            "adapters.py": honest("    return twice(x)")
            + "\n\nfrom .more.twice import twice\nimport helper\nassert helper.READY\n",
            "more/twice.py": "def twice(x):\n    return x + x\n",
            "helper.py": "READY = True\n",
        },
        100,
    ),
    # proves that what a thief finds would be seen: its own code it may read
    "shows_itself": Control({"adapters.py": honest(SHOWS) + "# OWN-WORDS\n"}, 40, "OWN-WORDS"),
    "slow_but_right": Control({"adapters.py": honest(SLOW)}, 100),
    "stub": Control({"adapters.py": STUB}, 0),
    "zz_honest_at_the_end": Control(
        {"adapters.py": honest() + "\n# equal files are graded once\n"}, 100
    ),
}


def describe(name: str) -> str:
    """The docstring of an attack."""
    single = FOLDER / f"{name}.py"
    path = single if single.is_file() else FOLDER / name / "adapters.py"
    return ast.get_docstring(ast.parse(path.read_text())) or ""
