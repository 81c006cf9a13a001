"""Run one command and write what it cost, as JSON: measured.py FILE COMMAND ...

The system counts a child's peak memory from that of its parent, so the parent must be small: this file is run by its
path and imports next to nothing. The command's exit status becomes its own.
"""

import json
import os
import sys
import time


def main() -> int:
    """Run the command; see the module's text."""
    target, *command = sys.argv[1:]
    began = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, ended, used = os.wait4(child, 0)
    seconds = time.monotonic() - began
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss there, kibibytes elsewhere
    with open(target, "w") as stream:  # noqa: PTH123 - pathlib would double this process
        json.dump(
            {"seconds": seconds, "peak_bytes": used.ru_maxrss * unit, "processor": used.ru_utime + used.ru_stime},
            stream,
        )
    return os.waitstatus_to_exitcode(ended)


if __name__ == "__main__":
    sys.exit(main())
