"""What the names in a chapter's source stand for, told from the text alone: nothing is imported.

A dotted name that begins with a dot is the chapter's own: ".softmax.stable_softmax". Where names do
not decide (an argument, a name bound twice), the answer is "" or the name itself, never a guess.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

DEAD_TESTS = ("False", "0", "TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")
ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTERS = ("__import__", "import_module", "importlib.import_module")
MAX_STEPS = 20  # from an alias to what it stands for


@dataclass
class File:
    """One file of a chapter: what its names stand for."""

    path: str  # as a student knows it
    chapter: str
    module: str  # ".adapters", ".more.twice"; "" for __init__.py
    tree: ast.Module | None
    nodes: dict[str, list[ast.stmt]] = field(default_factory=dict)  # statements about a name
    imports: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


Files = dict[str, File]


def read_files(folder: Path) -> Files:
    """Every file by its module; one with a syntax error fails when it is imported."""
    files: Files = {}
    # a package stands before a file of its name: Python imports it, and it alone
    for path in sorted(folder.rglob("*.py"), key=lambda path: (path.name == "__init__.py", path)):
        relative = path.relative_to(folder)
        module = "".join(f".{part}" for part in relative.with_suffix("").parts)
        module = module.removesuffix(".__init__")
        try:
            tree = ast.parse(path.read_bytes())
        except (RecursionError, MemoryError):
            tree = None
        except (SyntaxError, ValueError, OSError):
            continue
        files[module] = File(str(relative), folder.name, module, tree)
    for file in files.values():
        if file.tree is not None:
            for statement in _live(file.tree.body):
                _note(statement, file, files, certain=True)
    return files


def _live(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block that can run."""
    for statement in body:
        yield statement
        if isinstance(statement, ENDS):
            return


def _note(node: ast.stmt, file: File, files: Files, certain: bool) -> None:
    """Take down what a statement at the top of a file says about names.

    What runs for certain hides what the name stood for before: an import that a `def` replaces.
    """
    if isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try):
        for part in _blocks(node):
            _note(part, file, files, certain=False)
        return
    names = {node.name} if isinstance(node, DEFINITIONS) else _subjects(node)
    if isinstance(node, ast.Import | ast.ImportFrom):
        imported, stars = _imported(node, file, files)
        file.imports |= imported
        file.stars += stars
        names = set(imported)
    for name in names:
        if certain and isinstance(node, (*DEFINITIONS, ast.Import, ast.ImportFrom)):
            file.nodes[name] = []
        file.nodes.setdefault(name, []).append(node)


def _blocks(node: ast.stmt) -> Iterator[ast.stmt]:
    """The statements within a compound statement that can run."""
    dead = isinstance(node, ast.If | ast.While) and ast.unparse(node.test) in DEAD_TESTS
    for block in ([] if dead else node.body, getattr(node, "orelse", [])):
        yield from _live(block)
    for handler in getattr(node, "handlers", []):
        yield from _live(handler.body)
    yield from _live(getattr(node, "finalbody", []))


def _subjects(node: ast.stmt) -> set[str]:
    """Names that a statement binds or acts on: `table` of `table["s"] = f`, of `table.append(f)`."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign():
            targets = list(node.targets)
        case ast.AnnAssign() | ast.AugAssign():
            targets = [node.target]
        case ast.Expr(value=ast.Call(func=ast.Attribute() as called)):
            targets = [called]
    found = set()
    while targets:
        target = targets.pop()
        match target:
            case ast.Name():
                found.add(target.id)
            case ast.Tuple() | ast.List():
                targets += target.elts
            case ast.Attribute() | ast.Subscript() | ast.Starred():
                targets.append(target.value)
    return found


def _imported(
    node: ast.Import | ast.ImportFrom, file: File, files: Files
) -> tuple[dict[str, str], list[str]]:
    """What an import binds: name -> dotted name; and the modules of `import *`."""
    if isinstance(node, ast.Import):
        pairs = [(a.asname or a.name.split(".")[0], a) for a in node.names]
        return {n: _own(a.name if a.asname else n, file, files) for n, a in pairs}, []
    if node.level:
        package = (
            file.module if file.path.endswith("__init__.py") else file.module.rpartition(".")[0]
        )
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        base = f"{package}.{node.module}" if node.module else package
    else:
        base = _own(node.module, file, files)
    names = {a.asname or a.name: f"{base}.{a.name}" for a in node.names if a.name != "*"}
    return names, [base] if len(names) < len(node.names) else []


def _own(name: str, file: File, files: Files) -> str:
    """An absolute module name, with the leading dot if it is the chapter's own."""
    parts = name.split(".")
    if len(parts) > 1 and parts[1] == file.chapter:  # assignments.ch04_attention.softmax
        return "." + ".".join(parts[2:]) if parts[2:] else ""
    # the chapter's folder comes last on the path: a torch.py in it is never imported
    known = parts[0] in sys.stdlib_module_names or parts[0] in sys.modules
    return f".{name}" if f".{parts[0]}" in files and not known else name


def find(name: str, files: Files) -> tuple[File | None, list[ast.stmt]]:
    """The file and the statements that an own name stands for."""
    module = name
    while module and module not in files:
        module = module.rpartition(".")[0]
    file = files.get(module)
    if file is None:
        return None, []
    return file, file.nodes.get(_first(name, file)[0], [])


def _first(name: str, file: File) -> tuple[str, str]:
    """What of an own name follows its module: the name in that file, and attributes."""
    first, _, rest = name[len(file.module) :].lstrip(".").partition(".")
    return first, rest


def follow(name: str, files: Files) -> str:
    """An own name, followed through imports and plain assignments to what it stands for."""
    for _ in range(MAX_STEPS):
        file, nodes = find(name, files) if name.startswith(".") else (None, [])
        if file is None or file.tree is None:
            return name
        first, rest = _first(name, file)
        target = ""
        match nodes:
            case [ast.Import() | ast.ImportFrom()]:
                target = file.imports[first]
            case [ast.Assign(targets=[ast.Name()], value=value)]:
                target = _chain(value, file, {})
            case [] if first:
                target = _starred(first, file, files)
        if not target or target == name:
            return name
        name = f"{target}.{rest}" if rest else target
    return name


def _starred(name: str, file: File, files: Files) -> str:
    """Which `import *` has brought a name that nothing else binds, if one has."""
    own = [star for star in file.stars if star in files and name in files[star].nodes]
    foreign = [star for star in file.stars if star not in files]
    return next((f"{star}.{name}" for star in (*own, *foreign)), "")


def _chain(node: ast.expr, file: File, local: dict[str, str]) -> str:
    """The dotted name that an expression spells, as far as names alone tell; else ""."""
    match node:
        case ast.Name():
            if node.id in local:
                return local[node.id]
            if node.id in file.nodes or node.id in file.imports:
                return f"{file.module}.{node.id}"
            return f"{file.module}.{node.id}" if file.stars else ""
        case ast.Attribute():
            base = _chain(node.value, file, local)
            return f"{base}.{node.attr}" if base and node.attr != "__dict__" else base
        case ast.Call(func=ast.Name(id="getattr"), args=[owner, ast.Constant(value=str(name)), *_]):
            base = _chain(owner, file, local)
            return f"{base}.{name}" if base else ""
        case ast.Call(func=ast.Name(id="vars"), args=[owner]):
            return _chain(owner, file, local)
        case ast.Subscript(
            value=ast.Attribute(attr="__dict__") | ast.Call(func=ast.Name(id="vars")) as table,
            slice=ast.Constant(value=str(name)),
        ):
            base = _chain(table, file, local)
            return f"{base}.{name}" if base else ""
        case ast.Call(func=called, args=[ast.Constant(value=str(name)), *_]):
            return name if ast.unparse(called) in IMPORTERS else ""
    return ""


def uses(
    name: str, node: ast.stmt, file: File, files: Files, is_asked: Callable[[str], bool]
) -> Iterator[tuple[str, int]]:
    """Every name that a statement about `name` makes use of, followed to its end, and the line.

    Of methods only those asked for, and only of what can be nothing but a tensor: "Tensor.softmax".
    """
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield follow(file.imports[_first(name, file)[0]], files), node.lineno
        return
    local = _locals(node, file, files)
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        asked = isinstance(part, ast.Attribute) and is_asked(part.attr)
        if isinstance(part, ast.expr) and (used := _chain(part, file, local)):
            yield follow(used, files), part.lineno
        elif asked and _is_tensor(part.value, file, files, local, node):
            yield f"Tensor.{part.attr}", part.lineno
        todo += _parts(part)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """What of a node can run: no annotations, no dead blocks."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        if isinstance(value, ast.AST):
            yield value
        elif name == "body" and isinstance(node, ast.If | ast.While):
            yield from _blocks(ast.If(node.test, value, []))
        elif isinstance(value, list):
            parts = [part for part in value if isinstance(part, ast.AST)]
            yield from _live(parts) if parts and isinstance(parts[0], ast.stmt) else parts


def _locals(node: ast.stmt, file: File, files: Files) -> dict[str, str]:
    """What the names bound within a statement stand for; "" where that depends on the run.

    Only functions have names of their own: those of a class or of the file stay as they are.
    """
    local: dict[str, str] = {}
    aliases: list[ast.Assign] = []
    for part in ast.walk(node):
        if isinstance(part, SCOPES):
            arguments = part.args
            every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            extra = [a for a in (arguments.vararg, arguments.kwarg) if a]
            local |= {argument.arg: "" for argument in (*every, *extra)}
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            local.setdefault(part.id, "")
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            aliases.append(part)
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        local = {n: v for n, v in local.items() if n not in file.nodes}
    for part in ast.walk(node):
        if isinstance(part, ast.Import | ast.ImportFrom):
            local |= _imported(part, file, files)[0]
    for alias in aliases:
        if name := _chain(alias.value, file, {k: v for k, v in local.items() if v}):
            followed = follow(name, files)
            if not followed.startswith("."):
                local[alias.targets[0].id] = followed
    return local


def _is_tensor(
    node: ast.expr, file: File, files: Files, local: dict[str, str], around: ast.stmt
) -> bool:
    """Whether an expression can be nothing but a tensor: made by torch, or said to be one."""
    if isinstance(node, ast.Call):
        return follow(_chain(node.func, file, local), files).startswith("torch.")
    if not isinstance(node, ast.Name) or not isinstance(around, ast.FunctionDef):
        return False
    stored = (p for p in ast.walk(around) if isinstance(p, ast.Name) and p.id == node.id)
    if any(isinstance(p.ctx, ast.Store) for p in stored):
        return False
    said = [a.annotation for a in around.args.args if a.arg == node.id and a.annotation]
    return any(isinstance(p, ast.Name) and p.id == "Tensor" for a in said for p in ast.walk(a))
