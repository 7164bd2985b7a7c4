"""Documents of all files as drafts, each with a name of its own."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePath

import msgspec

from bartizan.model.errors import Place
from bartizan.model.json import JsonObject, as_object
from bartizan.rules.documents import Document, Mistakes, read_documents
from bartizan.rules.sigma.draft import Context, Draft, drafted
from bartizan.rules.sigma.header import name_of


def collected(files: Mapping[str, str], context: Context, mistakes: Mistakes) -> list[Draft]:
    """A draft of every document that has a body, named; what is wrong with the others goes into `mistakes`."""
    drafts: list[Draft] = []
    for path, text in sorted(files.items()):
        documents, wrong = read_documents(path, text, context.limits)
        mistakes += wrong
        for document in _merged(documents, mistakes):
            draft, wrong_shape = drafted(document, context)
            if draft is None:
                mistakes += wrong_shape
            elif draft.body:
                drafts.append(draft)
            else:
                mistakes += draft.wrong
        if len(drafts) > context.limits.rules_max:
            mistakes.append((Place(path=path), f"more rules than rules_max {context.limits.rules_max}"))
            break
    _name(drafts)
    return drafts


def _merged(documents: Iterable[Document], mistakes: Mistakes) -> Iterable[Document]:
    """Collections of rules in one file: `action: global` goes into all that follow, `repeat` into the one before."""
    shared: JsonObject = {}
    before: JsonObject = {}
    for document in documents:
        value = as_object(document.value)
        action = value.get("action")
        told = {key: inner for key, inner in value.items() if key != "action"}
        if action is None:
            before = _deep(shared, value)
            yield msgspec.structs.replace(document, value=before) if value else document
        elif action == "global":
            shared = told
        elif action == "reset":
            shared = {}
        elif action == "repeat":
            before = _deep(before, told)
            yield msgspec.structs.replace(document, value=before)
        else:
            mistakes.append((document.place("action"), f"no action {str(action)[:80]!r}: global, reset or repeat"))


def _deep(below: JsonObject, above: JsonObject) -> JsonObject:
    merged = dict(below)
    for key, told in above.items():
        old = merged.get(key)
        merged[key] = (
            _deep(as_object(old), as_object(told)) if isinstance(old, dict) and isinstance(told, dict) else told
        )
    return merged


def _name(drafts: list[Draft]) -> None:
    """Names and ids are unique. Two files of one name in different folders are told apart by their ids."""
    stems = Counter(draft.document.path for draft in drafts)
    for draft in drafts:
        path = PurePath(draft.document.path)
        stem = path.parent.name if path.stem == "rule" else path.stem
        draft.name = name_of(draft.keys, stem if stems[draft.document.path] == 1 else "")
    names = Counter(draft.name for draft in drafts)
    taken: dict[str, Draft] = {}
    for draft in drafts:
        if names[draft.name] > 1 and draft.keys.name is None and draft.keys.id:
            draft.name += "_" + draft.keys.id[:8].lower()
        for key, unique in (("name", draft.name), ("id", (draft.keys.id or "").lower())):
            if unique in taken:
                other = taken[unique].document.place(key)
                draft.mistake(f"{key} {unique} is already used by {other}", key)
            elif unique:
                taken[unique] = draft


def by_reference(drafts: list[Draft]) -> dict[str, Draft]:
    """Drafts that others can refer to, by name and by id."""
    known: dict[str, Draft] = {}
    for draft in drafts:
        if draft.body != "filter":
            for reference in (draft.keys.id, (draft.keys.id or "").lower(), draft.name):
                if reference:
                    known.setdefault(reference, draft)
    return known
