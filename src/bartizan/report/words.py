"""Numbers with their nouns."""

_PLURALS = {"person": "people", "memory": "memories", "settings": "settings"}


def counted(number: int, noun: str) -> str:
    """`1 server`, `2 servers`, `3 people`."""
    return f"{number} {noun}" if number == 1 else f"{number} {_PLURALS.get(noun, noun + 's')}"
