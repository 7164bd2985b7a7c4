"""Reports for a terminal; the other formats are renderers that plugins register."""

from bartizan.report.table import render_inventory_table as inventory_table
from bartizan.report.table import render_table as report_table

__all__ = ["inventory_table", "report_table"]
