"""What a YAML reader raises for a file that is none, and what to say of it."""

import yaml

from bartizan.model.errors import Place

# Beside its own errors: ValueError for a date or number that cannot be, RecursionError for a nest too deep.
NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)


def yaml_mistake(path: str, error: BaseException) -> tuple[Place, str]:
    """The place, with its line where it is known, and the reason."""
    if isinstance(error, yaml.MarkedYAMLError):
        line = error.problem_mark.line + 1 if error.problem_mark else None
        return Place(path=path, line=line), f"not YAML: {error.problem}"
    if isinstance(error, RecursionError):
        return Place(path=path), "not YAML: nested too deeply"
    reason = getattr(error, "reason", None) or str(error)
    return Place(path=path), f"not YAML: {str(reason)[:200]}"
