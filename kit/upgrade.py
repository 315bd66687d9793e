"""Bring an older copy of the kit up to date with this one: python -m kit.upgrade OLD_COPY

Run it in the folder of the new kit. What you have edited or added in assignments/ stays as it is.
Stubs that are new, or whose contract has changed, come as adapters.new.py beside your adapters.py.
Kit and tests are replaced; a file of theirs that you had edited is kept as NAME.orig.
"""

import argparse
import re
from pathlib import Path

from kit.chapters import repository
from kit.homework import MANIFEST, digest, imports_of, missing_from, read_manifest, stubs_of

HOME = "assignments/"
NEW_STUBS = (
    '''"""New or changed in this release of the kit. Copy what you need into adapters.py."""'''
)


def install(files: dict[str, bytes], copy: Path) -> list[str]:
    """Write a release's files to a folder; what the owner of an older copy there should know."""
    before = read_manifest(copy)
    contracts = [name for name in files if re.fullmatch("tests/ch[^/]+/contract.py", name)]
    stubs = {name: _read(copy / name) for name in contracts}
    notes: list[str] = []
    for name in sorted(before.keys() - files.keys()):
        path = copy / name
        if not name.startswith(HOME) and path.is_file():
            _set_aside(path, before[name], notes)
            path.unlink(missing_ok=True)
    for name, data in sorted(files.items()):
        path = copy / name
        if path.is_file():
            held = digest(path.read_bytes())
            if held == digest(data):
                continue
            if name.startswith(HOME) and held != before.get(name):
                if not name.endswith("/adapters.py") and digest(data) != before.get(name):
                    notes.append(_lay_beside(path, data))
                continue
            if name != MANIFEST and before:
                _set_aside(path, before.get(name), notes)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for name, old in sorted(stubs.items()):
        adapters = copy / HOME / Path(name).parent.name / "adapters.py"
        notes += _tell_stubs(adapters, old, files[name].decode("utf-8"))
    return notes


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


def _set_aside(path: Path, given: str | None, notes: list[str]) -> None:
    """Keep a file of the kit that the student has edited."""
    if digest(path.read_bytes()) != given:
        kept = path.with_name(path.name + ".orig")
        path.replace(kept)
        notes.append(f"you had edited {path.name}; your version is now {kept}")


def _lay_beside(path: Path, data: bytes) -> str:
    """Put the new version of a file beside the student's own."""
    beside = path.with_name(f"{path.stem}.new{path.suffix}")
    beside.write_bytes(data)
    return f"{path} has a new version, {beside.name}; you had edited yours, so it was left alone"


def _tell_stubs(adapters: Path, old: str, new: str) -> list[str]:
    """Lay stubs beside an edited adapters.py that lacks them or implements what has changed."""
    work = adapters.read_bytes()
    if digest(work) == digest(new.encode()):
        return []
    then, now = stubs_of(old), stubs_of(new)
    changed = {name for name in then.keys() & now.keys() if then[name] != now[name]}
    try:
        missing = missing_from(work.decode("utf-8"), set(now))
    except (SyntaxError, ValueError) as error:
        missing = now.keys() - then.keys()
        note = f"{adapters} cannot be read ({error}), so it was compared with the older stubs"
    else:
        note = ""
    beside = adapters.with_name("adapters.new.py")
    chosen = [text for name, text in now.items() if name in missing | changed]
    if changed or (missing and not beside.exists()):
        parts = [NEW_STUBS, "\n".join(imports_of(new)), *chosen]
        beside.write_text("\n\n\n".join(parts) + "\n", encoding="utf-8")
    sentences = [note] if note else []
    if missing:
        sentences.append(f"{adapters} lacks {', '.join(sorted(missing))}; copy from {beside.name}")
    if changed:
        names = ", ".join(sorted(changed))
        sentences.append(f"the contract of {names} has changed: compare with {beside}")
    return sentences


def main() -> None:
    """Upgrade, and say what was left for the student to do."""
    parser = argparse.ArgumentParser("python -m kit.upgrade", description=__doc__)
    parser.add_argument("old_copy", type=Path)
    copy, root = parser.parse_args().old_copy, repository()
    if not (copy / MANIFEST).is_file():
        raise SystemExit(f"{copy} holds no copy of the kit; wanted the folder with your work")
    if copy.resolve() == root:
        raise SystemExit("this is that copy; run the command in the folder of the new kit")
    given = read_manifest(root)
    try:
        files = {name: (root / name).read_bytes() for name in [*given, MANIFEST]}
        if edited := [name for name, value in given.items() if digest(files[name]) != value]:
            raise SystemExit(f"{edited[0]} was edited here; unpack the new kit again, and use that")
        notes = install(files, copy)
    except OSError as error:
        raise SystemExit(f"the upgrade is not complete: {error}") from None
    print("\n".join([*notes, f"{copy} is up to date; next: pytest there"]))


if __name__ == "__main__":
    main()
