"""Numbers with their nouns."""


def counted(number: int, noun: str) -> str:
    """`1 server`, `2 servers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
