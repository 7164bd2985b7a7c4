"""Sigma documents as the types of `rules/detection.py`. pySigma reads values and conditions; it is loaded only here."""
