"""Count what processes do to the files of a folder, and kill at the n-th time.

Python imports a module of this name when it starts, where PYTHONPATH names its folder: the kernel of a chapter does.
"""

from __future__ import annotations

import json
import os
import signal
import sys

ORDER = "PAIRVAE_STRESS_EVENTS"  # environment variable: the arguments of `watch`
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate")


def watch(folder: str, counter: str, number: int, program: int, reads: bool) -> None:
    """Kill this process, and a program if that is not 0, just before the n-th event; 0 is never.

    Events are changes below a folder, and with `reads` files that are opened there. Each adds a byte to the counter.
    """

    def hook(event: str, args: tuple) -> None:
        if event == "open":
            if not reads and not (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)):
                return
        elif event not in CHANGES:
            return
        path = "" if isinstance(args[0], int) else os.fsdecode(args[0])
        if event in ("os.remove", "os.rmdir") and args[1] >= 0:
            path = os.path.join(os.readlink(f"/proc/self/fd/{args[1]}"), path)  # within a folder that is open
        if path == counter or not path.startswith(folder):
            return
        descriptor = os.open(counter, os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, b".")
        seen = os.fstat(descriptor).st_size
        os.close(descriptor)
        if seen == number:
            if program:
                os.kill(program, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if ORDER in os.environ:
    watch(*json.loads(os.environ[ORDER]))
