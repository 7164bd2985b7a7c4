"""The first program in the sandbox: lower the limits, give up root, then become the server.

`start.py SETTINGS -- PROGRAM ARGUMENT...`; SETTINGS is JSON: `limits` by their names in `resource`, `environment`
(all that the server gets), and `user`, the number to become when started by root.
"""

import json
import os
import resource
import sys


def main(words: list[str]) -> None:
    """Replace this process. An unknown program is exit code 127, as in a shell."""
    settings, command = json.loads(words[0]), words[2:]
    if settings["user"] is not None:
        become(settings["user"])
    for name, most in settings["limits"].items():
        lower(getattr(resource, name), most)
    try:
        os.execvpe(command[0], command, settings["environment"])  # noqa: S606  this is what a sandbox is for
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]!r}: {error.strerror}\n")
        sys.exit(127)


def become(user: int) -> None:
    """Be a user that owns nothing; the kernel drops every capability with it."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def lower(limit: int, most: int) -> None:
    """Never above what this process may have already."""
    _, hard = resource.getrlimit(limit)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    main(sys.argv[1:])
