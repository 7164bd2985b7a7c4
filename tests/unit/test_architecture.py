"""Laws of the house that import-linter cannot see: what pure rooms call, where code is made, how long functions are."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "bartizan"
PURE = (
    "model",
    "ports.py",
    "plugins.py",
    "rules",
    "protocol",
    "text",
    "graph",
    "discover",
    "prevent",
    "report",
    "content",
)
COMPILERS = ("rules/compile.py", "rules/compile/")  # the one place where code is generated and executed

MAKES_CODE = {"exec", "eval", "compile", "__import__"}
TOUCHES_WORLD = {"open", "input", "breakpoint"}
READS_CLOCK = {"now", "utcnow", "today"}
PATH_IO = {
    *{
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "exists",
        "is_file",
        "is_dir",
        "is_symlink",
        "stat",
        "lstat",
    },
    *{"iterdir", "glob", "rglob", "resolve", "expanduser", "mkdir", "touch", "unlink", "rmdir", "chmod", "cwd", "home"},
    *{"open", "symlink_to", "readlink", "samefile", "owner"},
}
FUNCTION_LINES_MAX = 60


def modules(*parts: str) -> list[Path]:
    """Source files below these rooms of the package; all where none is named."""
    roots = [SOURCE / part for part in parts] or [SOURCE]
    return sorted(file for root in roots for file in ([root] if root.is_file() else root.rglob("*.py")))


def code_makers(tree: ast.AST) -> Iterator[str]:
    """Calls that generate or execute code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKES_CODE:
            yield f"line {node.lineno}: {node.func.id}()"


def impurities(tree: ast.AST) -> Iterator[str]:
    """Calls of a pure room that would touch the world or read a clock."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="pathlib", names=names):
                for alias in names:
                    if not alias.name.startswith("Pure"):
                        yield f"line {node.lineno}: pathlib.{alias.name} (PurePath reads no disk)"
            case ast.Import(names=names):
                for alias in names:
                    if alias.name in {"pathlib", "io"}:
                        yield f"line {node.lineno}: import {alias.name}"
            case ast.Call(func=ast.Name(id=name)) if name in TOUCHES_WORLD:
                yield f"line {node.lineno}: {name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in READS_CLOCK | PATH_IO:
                yield f"line {node.lineno}: .{name}()"


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names and lengths of functions, in lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", modules(*PURE), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_pure_room_touches_no_file_and_reads_no_clock(path: Path):
    assert list(impurities(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_code_is_generated_and_executed_only_where_rules_are_compiled():
    others = [path for path in modules() if not path.relative_to(SOURCE).as_posix().startswith(COMPILERS)]
    found = {path: list(code_makers(ast.parse(path.read_text(encoding="utf-8")))) for path in others}
    assert {path: calls for path, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "line",
    [
        "open('/etc/passwd')",
        "datetime.now(UTC)",
        "date.today()",
        "datetime.datetime.utcnow()",
        "from pathlib import Path",
        "import pathlib",
        "path.read_text()",
        "Path(name).exists()",
        "input()",
        "def f():\n    return files(package).joinpath('x').read_bytes()",
    ],
)
def test_each_impurity_is_seen(line: str):
    assert list(impurities(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["re.compile('a')", "from pathlib import PurePosixPath", "clock", "self.opened()", "x = 'open()'"]
)
def test_what_is_harmless_is_not_seen(line: str):
    tree = ast.parse(line)
    assert [*impurities(tree), *code_makers(tree)] == []


@pytest.mark.parametrize("line", ["exec('x')", "eval('1')", "compile('1', '', 'exec')", "__import__('os')"])
def test_each_way_to_make_code_is_seen(line: str):
    assert list(code_makers(ast.parse(line)))


def test_functions_fit_a_screen():
    lengths = {
        f"{path.relative_to(SOURCE)}:{name}": lines
        for path in modules()
        for name, lines in functions(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX} == {}
    assert statistics.median(lengths.values()) < 14


def test_help_loads_no_adapter_and_no_sdk():
    program = (
        "import sys\nfrom bartizan.cli.main import main\nsys.argv = ['bartizan', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in sys.modules if m.startswith(('bartizan.adapters', 'sqlalchemy', 'mcp.')) or m == 'mcp'])"
    )
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert asked.stdout.strip().splitlines()[-1] == "[]"
