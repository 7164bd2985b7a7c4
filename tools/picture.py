"""Draw the picture of the README: the beginning of a real report, from a saved snapshot.

Use: python -m tools.picture SNAPSHOT [LINES] > docs/images/scan.svg
"""

import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from bartizan.app.content import load_content
from bartizan.app.scan import judge_again, read_inventory
from bartizan.assess.judge import Judge
from bartizan.report.table import render_table

COLUMNS = 110


def draw(snapshot: Path, lines: int) -> str:
    """The first lines of the report as SVG."""
    checks, lexicon = load_content()
    result = judge_again(read_inventory(snapshot), checks, Judge(lexicon))
    report = render_table(result.inventory, result.findings, width=COLUMNS, colour=True).splitlines()
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ bartizan scan --lab", "bold"))
    console.print(Text.from_ansi("\n".join([*report[:lines], "…"])))
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # no font from elsewhere
    form = form.replace("<!-- Generated with Rich https://www.textualize.io -->", "")
    return console.export_svg(title="bartizan", code_format=form, font_aspect_ratio=0.61)


if __name__ == "__main__":
    sys.stdout.write(draw(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 52))
