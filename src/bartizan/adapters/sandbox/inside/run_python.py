"""Start a fetched Python package: `run_python.py FOLDER KIND NAME VALUE ARGUMENT...`.

KIND is `script` (VALUE is `module:object`, as in entry points) or `module` (as `python -m VALUE`). The folder comes
after the standard library, as site-packages does.
"""

import importlib
import runpy
import site
import sys
from typing import Any


def main(words: list[str]) -> None:
    """Run it; its exit code is ours."""
    folder, kind, name, value = words[:4]
    sys.argv = [name, *words[4:]]
    site.addsitedir(folder)
    site.setquit()
    if kind == "module":
        runpy.run_module(value, run_name="__main__", alter_sys=True)
        return
    module, _, attributes = value.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    sys.exit(found())


if __name__ == "__main__":
    main(sys.argv[1:])
