"""Mends of findings, one kind a file: each a pure function from a ticket to what is to be changed."""
