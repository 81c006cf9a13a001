"""Make the image with the engine of this machine: python3 -m ops.container.build [TAG].

Standard library only. PIP_CERT, where it is set, goes to the build: the path of the certificates to trust in there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TAG = "blendwatch:0.1.0"


def engine() -> str:
    """Return the first engine that answers; exits with one line where none does."""
    for name in ("docker", "podman"):
        if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True, check=False).returncode:  # noqa: S603
            return name
    sys.exit("make image: neither docker nor podman answers on this machine")


def main() -> int:
    """Build; returns the engine's exit status."""
    name = engine()
    command = [name, "build", "--tag", sys.argv[1] if len(sys.argv) > 1 else TAG]
    command += ["--format", "docker"] if name == "podman" else []  # the other format knows no HEALTHCHECK
    command += ["--build-arg", "PIP_CERT"] if os.environ.get("PIP_CERT") else []
    return subprocess.run([*command, str(ROOT)], check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
