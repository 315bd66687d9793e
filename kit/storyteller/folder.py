"""A run's folder: which run it holds, so that the same command goes on and another one is refused.

run.json         what was asked for, and digests of the chapters' code
data             see data.py
baseline.json    what counting achieves
metrics.jsonl, checkpoint.pt     of chapter 7's train_loop
curve.png, summary.json          when all is done
"""

import json
from pathlib import Path

from kit.places import InUse, hold
from kit.storyteller.data import FILES, replaced
from kit.storyteller.presets import PRESETS, Preset
from kit.storyteller.refusal import Refused

RUN, BASELINE, SUMMARY, CURVE = "run.json", "baseline.json", "summary.json", "curve.png"
METRICS, CHECKPOINT, LOCK = "metrics.jsonl", "checkpoint.pt", "in-use"
OWN = (RUN, *FILES, BASELINE, METRICS, CHECKPOINT, CURVE, SUMMARY)


def write_json(path: Path, value: dict) -> None:
    """Whole or not at all."""
    with replaced(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict:
    """Refused where the file is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Refused(f"{path} is damaged ({error}); train again with --fresh") from None


def lock(folder: Path):
    """Keep other trainings out until the returned file is closed."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return hold(folder / LOCK)
    except InUse as holder:
        raise Refused(f"{holder} trains in {folder}; wait, or choose another --out") from None


def begin(folder: Path, asked: dict, fresh: bool) -> list[str]:
    """Make the folder that of the run asked for; chapters whose code has changed since it began.

    Refused if it holds another run, and `fresh` does not allow to delete it.
    """
    if fresh:
        for name in OWN:
            (folder / name).unlink(missing_ok=True)
    if not (folder / RUN).exists():
        if found := [name for name in OWN if (folder / name).exists()]:
            raise Refused(
                f"{folder} holds {', '.join(found)} but no {RUN}; choose another --out, or --fresh"
            )
        write_json(folder / RUN, asked)
        return []
    before = read_json(folder / RUN)
    changed = [
        f"{key} was {before.get(key)}, is {value}"
        for key, value in asked.items()
        if key != "code" and before.get(key) != value
    ]
    if changed:
        raise Refused(
            f"{folder} holds another run: {'; '.join(changed)}; choose another --out, or --fresh"
        )
    return [name for name, code in asked["code"].items() if before["code"].get(name) != code]


def run_of(folder: Path) -> tuple[dict, Preset]:
    """What a folder with a model was asked for; Refused says how to make one."""
    if not (folder / CHECKPOINT).is_file():
        raise Refused(
            f"no model in {folder}; train one first: python -m kit.storyteller train --out {folder}"
        )
    asked = read_json(folder / RUN)
    if asked.get("preset") not in PRESETS:
        raise Refused(f"{folder / RUN} names no preset that is known; train with --fresh")
    return asked, PRESETS[asked["preset"]]
