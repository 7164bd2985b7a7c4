"""Conditions as generated Python. The source holds our identifiers alone; all strings of rules are constants."""
