"""Coverage-guided fuzzing of what reads hostile text.

`python bench/fuzz.py fold|layers|judge|lines [-max_total_time=60]`

Needs `atheris` (its wheels are for Linux and macOS), which is no dependency of the project: install it beside it. The
options are those of libFuzzer. A crash is a defect: its input is written to the folder and repeats it when given.
"""

import importlib
import io
import sys
from collections.abc import Callable
from typing import Any

atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(
    include=["bartizan.text", "bartizan.assess", "bartizan.protocol", "bartizan.app.check"]
):
    from bartizan.app.bootstrap import load_judge
    from bartizan.app.check import check, lines_of
    from bartizan.text.fold import fold, locate
    from bartizan.text.layers import layers

JUDGE = load_judge()


def fuzz_fold(data: bytes) -> None:
    text = data.decode("utf-8", "surrogatepass" if len(data) % 2 else "replace")
    once = fold(text)
    assert fold(once) == once
    for start, end in locate(text, [(0, 1), (len(once) // 2, len(once))]) if once else ():
        assert 0 <= start < end <= len(text)


def fuzz_layers(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for layer in layers(text):
        assert 0 <= layer.start <= layer.end <= len(text)


def fuzz_judge(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    half = len(text) // 2
    JUDGE.text(text)
    JUDGE.definition({"name": text[:half], "description": text[half:], "inputSchema": {text[:half]: [text[half:]]}})


def fuzz_lines(data: bytes) -> None:
    lines = list(lines_of(io.BytesIO(data)))
    for kind in ("tool", "text"):
        told = list(check(lines, kind, JUDGE))
        assert [line.index for line in told] == list(range(len(lines)))
        assert all(line.reason for line in told if line.verdict == "error")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "fold": fuzz_fold,
    "layers": fuzz_layers,
    "judge": fuzz_judge,
    "lines": fuzz_lines,
}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"which one: {', '.join(TARGETS)}")
    target = TARGETS[sys.argv.pop(1)]

    def one(data: bytes) -> None:
        try:
            target(data)
        except UnicodeDecodeError:
            return

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
