"""Tools that build and run an image without a daemon and without an image registry, in a storage of their own."""

from __future__ import annotations

import functools
import hashlib
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("buildah", "podman", "runc", "conmon", "mmdebstrap")
SUITE = "bookworm"
# What stands in for the base image of the Dockerfile where no image registry can be reached. Like that image it leaves
# out what slim images of Debian leave out.
BASE_PACKAGES = ("ca-certificates", "python3", "python3-venv")
LEFT_OUT = tuple(f"/usr/share/{name}/*" for name in ("doc", "groff", "info", "linda", "lintian", "locale", "man"))
BASE_NAME = "docker.io/library/python:3.11-slim-bookworm"
IMAGE = "localhost/blendwatch:proof"
CERTIFICATES = Path("/etc/ssl/certs")


class NoTools(Exception):
    """This machine cannot have the tools; the text says why."""


class Wrong(Exception):
    """A step failed; the text says how."""


def sh(command: Sequence[str], *, env: dict[str, str] | None = None, seconds: float = 600) -> str:
    """Run a command to its end; returns what it printed. Raises Wrong with the end of its standard error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=seconds)  # noqa: S603
    if done.returncode:
        raise Wrong(f"{' '.join(command[:8])} ... ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def install_tools() -> None:
    """Bring the tools from Debian where they are missing. Raises NoTools."""
    if not Path("/etc/debian_version").exists() or os.geteuid() != 0:
        raise NoTools("only root on Debian can build an image without an engine that runs already")
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if not missing:
        return
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        sh(["apt-get", "update", "-qq"], env=env)
        sh(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *TOOLS], env=env)
    except (Wrong, OSError, subprocess.TimeoutExpired) as error:
        raise NoTools(f"{', '.join(missing)} could not be installed: {error}") from None


def cache(name: str) -> Path:
    """Return a folder that lasts, or, where none can be made, one that does not: slower next time, no more."""
    lasting = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "blendwatch" / name
    try:
        lasting.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix=f"blendwatch-{name}-"))
    return lasting


@functools.cache
def base_tar() -> tuple[Path, bool]:
    """Return a file system with Debian's Python, and whether it was there already. Raises NoTools."""
    name = hashlib.sha256(" ".join((SUITE, *BASE_PACKAGES, *LEFT_OUT)).encode()).hexdigest()[:16]
    tar = cache("base") / f"{SUITE}-{name}.tar"
    if tar.exists():
        return tar, True
    half = tar.with_suffix(f".{os.getpid()}")
    try:
        sh(
            [
                "mmdebstrap",
                "--variant=minbase",
                f"--include={','.join(BASE_PACKAGES)}",
                *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
                "--format=tar",
                SUITE,
                str(half),
            ]
        )
    except (Wrong, subprocess.TimeoutExpired) as error:
        half.unlink(missing_ok=True)
        raise NoTools(f"the base image could not be made from Debian packages: {error}") from None
    half.replace(tar)
    return tar, False


@dataclass(frozen=True, slots=True)
class Engine:
    """buildah and podman over one storage folder."""

    storage: Path

    def buildah(self, *words: str) -> str:
        """Run buildah; returns what it printed."""
        return sh(["buildah", *self._storage(), *words]).strip()

    def podman(self, *words: str) -> str:
        """Run podman; returns what it printed on standard output."""
        return sh(self.command(*words)).strip()

    def command(self, *words: str) -> list[str]:
        """Return the words of a podman command."""
        return ["podman", *self._storage(), "--runtime", "runc", "--cgroup-manager", "cgroupfs", *words]

    def _storage(self) -> list[str]:
        return ["--root", str(self.storage / "root"), "--runroot", str(self.storage / "run")]

    def import_base(self, tar: Path) -> None:
        """Give the file system the name of the Dockerfile's base, with Python where that image has it.

        Raises NoTools where this machine lets no container run, not even an empty one.
        """
        try:
            self._import(tar)
            self.podman("run", "--rm", *self.host_flags(), BASE_NAME, "true")
        except Wrong as error:
            raise NoTools(f"this machine lets no container run: {error}") from None

    def _import(self, tar: Path) -> None:
        container = self.buildah("from", "scratch")
        self.buildah("add", "-q", container, str(tar), "/")
        link = "ln -s /usr/bin/python3 /usr/local/bin/python && ln -s /usr/bin/python3 /usr/local/bin/python3"
        self.buildah("run", "--isolation", "chroot", container, "sh", "-c", link)
        self.buildah("commit", "-q", "--format", "docker", container, BASE_NAME)
        self.buildah("rm", container)

    def build(self) -> None:
        """Build the Dockerfile, unchanged."""
        trust = ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"] if CERTIFICATES.is_dir() else []
        trust += ["--build-arg", f"PIP_CERT={CERTIFICATES / 'ca-certificates.crt'}"] if trust else []
        fixed = ["--isolation", "chroot", "--network", "host", "--format", "docker", "--pull-never"]
        self.buildah("bud", *fixed, *trust, "-t", IMAGE, str(ROOT))

    def host_flags(self, network: str = "host") -> list[str]:
        """Return what `podman run` needs on a machine without systemd, beside what any user would give."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limits = ["--ulimit", f"nofile={files}:{files}", "--ulimit", "nproc=1000:1000"]
        return ["--pull", "never", "--network", network, *limits]


@contextmanager
def engine() -> Iterator[Engine]:
    """Yield an engine over a storage of its own, of which nothing stays."""
    storage = Path(tempfile.mkdtemp(prefix="blendwatch-proof-", dir="/var/tmp"))
    made = Engine(storage)
    try:
        yield made
    finally:
        for words in (["rm", "--all", "--force", "--time", "0"], ["volume", "rm", "--all", "--force"]):
            subprocess.run(made.command(*words), capture_output=True, check=False)  # noqa: S603
        for mount in ("root/overlay", "root"):
            subprocess.run(["umount", str(storage / mount)], capture_output=True, check=False)  # noqa: S603, S607
        shutil.rmtree(storage, ignore_errors=True)
