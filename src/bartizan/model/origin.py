"""Origin: where a text comes from. It decides what is usual in it, and so what tells."""

from enum import StrEnum


class Origin(StrEnum):
    """Servers say the first four; what follows them is read by an agent as its orders."""

    TOOL_RESULT = "tool_result"
    RESOURCE = "resource"
    PROMPT = "prompt"
    INSTRUCTIONS = "instructions"  # a server's own, from `initialize` or `server/discover`
    INSTRUCTION_FILE = "instruction_file"
    SKILL = "skill"
    HOOK = "hook"
    MEMORY = "memory"
    USER = "user"
    UNKNOWN = "unknown"
