"""Reading content packages: rules, their check functions and the client catalogue."""

from collections.abc import Iterable
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable

from bartizan.model.errors import ContentError, Place
from bartizan.rules.check import Check
from bartizan.rules.load import Rule, load, read_words

BUILT_IN = "bartizan.content"


def load_checks(packages: Iterable[str] = (BUILT_IN,)) -> list[Check]:
    """Every check of these packages that has a function, ordered by name. Raises ContentError with all mistakes."""
    return load_content(packages)[0]


def load_content(packages: Iterable[str] = (BUILT_IN,)) -> tuple[list[Check], list[Rule]]:
    """Checks with functions, and the rules of the lexicon. Raises ContentError with all mistakes."""
    texts: dict[str, str] = {}
    modules: dict[str, str] = {}
    words: dict[str, str] = {}
    for package in packages:
        told = files(package).joinpath("checks", "words.yml")
        if told.is_file():
            words[f"{package.replace('.', '/')}/checks/words.yml"] = told.read_text(encoding="utf-8")
        for folder, module in _folders(files(package).joinpath("checks"), f"{package}.checks"):
            path = f"{module.replace('.', '/')}/rule.yml"
            texts[path] = folder.joinpath("rule.yml").read_text(encoding="utf-8")
            modules[path] = module
    rules = {rule.name: rule for rule in load(texts, read_words(words))}
    checks: list[Check] = []
    mistakes: list[tuple[Place, str]] = []
    for path, module in modules.items():
        name = module.rsplit(".", 1)[-1]
        if name not in rules:
            mistakes.append((Place(path=path), f"the folder {name} holds a rule of another name"))
            continue
        if not rules[name].check.by_lexicon:
            checks.append(Check(rule=rules[name], function=import_module(f"{module}.check").check))
    if mistakes:
        raise ContentError(mistakes)
    lexicon = [rule for rule in rules.values() if rule.check.by_lexicon]
    return sorted(checks, key=lambda check: check.rule.name), sorted(lexicon, key=lambda rule: rule.name)


def _folders(root: Traversable, module: str) -> Iterable[tuple[Traversable, str]]:
    """Folders below `root` that hold a rule, with the module path of each."""
    if not root.is_dir():
        return
    for entry in sorted(root.iterdir(), key=lambda entry: entry.name):
        if not entry.is_dir() or entry.name.startswith(("_", ".")):
            continue
        inner = f"{module}.{entry.name}"
        if entry.joinpath("rule.yml").is_file():
            yield entry, inner
        else:
            yield from _folders(entry, inner)
