"""Whose code is tested, and whose earlier chapters it stands on.

`--impl solutions|student|PATH` names the chapter under test, `--deps reference|student` the
chapters it needs. A chapter reaches the ones it needs as `assignments.chNN_slug.adapters`; with
deps=reference the loader puts the reference behind those names while the chapter is open.

Several chapters may be tested in one process, and a chapter that one run tests is another's need.
So a Source owns the modules it imported: `close` takes them out of sys.modules, `open` puts them
back.
"""

import importlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from kit.chapters import repository, transitive_needs

STUDENT, REFERENCE = "assignments", "solutions"


class LoadError(Exception):
    """The code under test is not where it was said to be."""


@dataclass
class Source:
    """One chapter's code: the folder under test and the folders of the chapters it needs."""

    chapter: str
    package: str  # the package under which the code is imported: assignments or solutions
    home: Path  # the folder that holds the chapter's folder
    needs: dict[str, Path] = field(default_factory=dict)  # reference chapters behind their names
    modules: dict[str, ModuleType] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The chapter's own folder."""
        return self.home / self.chapter

    def open(self) -> ModuleType:
        """Import the chapter's adapters, or bring back the ones imported before."""
        name = f"{self.package}.{self.chapter}.adapters"
        sys.modules.update(self.modules)
        if str(self.folder) not in sys.path:
            sys.path.append(str(self.folder))  # `import helper` finds a file beside adapters.py
        try:
            if not self.modules:
                importlib.invalidate_caches()
                _install_package(self.package, self.home)
                for need, folder in self.needs.items():
                    _install_reference(need, folder)
                importlib.import_module(name)
                self._collect()
        except BaseException:
            self.close()
            self.modules = {}
            raise
        return sys.modules[name]

    def _collect(self) -> None:
        self.modules = {k: m for k, m in list(sys.modules.items()) if self._owns(k, m)}

    def close(self) -> None:
        """Take the chapter's modules out of sys.modules, so that another may use their names."""
        self._collect()  # once more: functions may import when they are called
        for name in self.modules:
            del sys.modules[name]
        while str(self.folder) in sys.path:
            sys.path.remove(str(self.folder))

    def _owns(self, name: str, module: ModuleType) -> bool:
        if name.split(".")[0] in (STUDENT, REFERENCE):
            return True
        file = getattr(module, "__file__", None)
        return isinstance(file, str) and self.folder in Path(file).parents


def _install_package(name: str, home: Path) -> None:
    if str(home) in getattr(sys.modules.get(name), "__path__", ()):
        return
    package = ModuleType(name)
    package.__path__ = [str(home)]
    sys.modules[name] = package


def _install_reference(need: str, folder: Path) -> None:
    """Put the reference's adapters behind `assignments.<need>`."""
    if REFERENCE not in sys.modules:
        _install_package(REFERENCE, folder.parent)
    adapters = importlib.import_module(f"{REFERENCE}.{need}.adapters")
    package = sys.modules[f"{REFERENCE}.{need}"]
    if STUDENT in sys.modules:
        # `import a.b.c as x` reads attributes, `from a.b import c` reads sys.modules
        setattr(sys.modules[STUDENT], need, package)
        sys.modules[f"{STUDENT}.{need}"] = package
        sys.modules[f"{STUDENT}.{need}.adapters"] = adapters


def find_source(chapter: str, impl: str, deps: str, root: Path | None = None) -> Source:
    """The Source that --impl and --deps name; LoadError says what was looked for and where."""
    root = root or repository()
    if deps not in ("reference", "student"):
        raise LoadError(f"--deps {deps!r}: choose from reference, student")
    if impl in ("solutions", "student"):
        package = REFERENCE if impl == "solutions" else STUDENT
        home = root / package
    else:
        package, home = STUDENT, find_home(chapter, Path(impl))
    if not (home / chapter / "adapters.py").is_file():
        raise LoadError(f"{home / chapter / 'adapters.py'} does not exist; see --impl")
    needs = {}
    if package == STUDENT and deps == "reference":
        needs = {need: root / REFERENCE / need for need in transitive_needs(chapter, root)}
        if missing := [need for need, folder in needs.items() if not folder.is_dir()]:
            raise LoadError(
                f"the reference of {', '.join(missing)} is not here; use --deps student"
            )
    return Source(chapter, package, home, needs)


def find_home(chapter: str, path: Path) -> Path:
    """The folder that holds `chapter` in a submission: PATH, PATH/assignments or PATH's parent."""
    path = path.expanduser().resolve()
    if path.name == chapter:
        return path.parent
    for home in (path / STUDENT, path):
        if (home / chapter).is_dir():
            return home
    if not path.is_dir():
        choices = "solutions, student or a folder"
        raise LoadError(f"--impl {path} is no folder; choose from {choices}")
    found = sorted(p.name for p in path.iterdir())[:8]
    raise LoadError(f"--impl {path} holds no {chapter}; it holds {', '.join(found) or 'nothing'}")
