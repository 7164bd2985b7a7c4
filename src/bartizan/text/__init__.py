"""Hostile text: what it really says, and what secrets stand in it. Sees decoded strings, never JSON escapes."""
