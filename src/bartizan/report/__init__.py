"""Report: an inventory and its findings, for people and for programs. Pure: text in, text out."""
