"""Run benchmarks and enter their rows in results.md.

python -m benchmarks        all of them
python -m benchmarks bpe    one
"""

import argparse
import importlib
from pathlib import Path

TOOLS = {"__init__", "__main__", "measure"}


def names() -> list[str]:
    """Every file here is a benchmark, save the tools."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in TOOLS)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="*", help=f"which to run, of: {', '.join(names())}")
    parser.add_argument("--repetitions", type=int, default=5, help="of each side, in turn")
    arguments = parser.parse_args()
    if unknown := set(arguments.name) - set(names()):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(names())}")
    if arguments.repetitions < 5:
        parser.error("a median needs 5 repetitions or more")
    for name in arguments.name or names():
        importlib.import_module(f"benchmarks.{name}").run(arguments.repetitions)


if __name__ == "__main__":
    main()
