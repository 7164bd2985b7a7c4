"""Whose token it is: signed tokens, opaque ones, and keys."""
