"""An RFC 3161 time server on loopback, which signs with `openssl ts` under a root of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509

OPENSSL = shutil.which("openssl")
CONFIG = """
[tsa]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:false
extendedKeyUsage = critical, timeStamping
"""


@dataclass
class TimeServer:
    """`status`: what it answers with; 200 for a token."""

    folder: Path
    url: str = ""
    status: int = 200
    asked: list[bytes] = field(default_factory=list)

    @property
    def root(self) -> x509.Certificate:
        """The authority's certificate."""
        return x509.load_pem_x509_certificate((self.folder / "root.pem").read_bytes())

    def openssl(self, *words: str) -> None:
        """Run openssl in the folder."""
        subprocess.run([str(OPENSSL), *words], cwd=self.folder, check=True, capture_output=True, timeout=60)

    def answer(self, request: bytes) -> bytes:
        """Return the signed answer to a request."""
        (self.folder / "request").write_bytes(request)
        signing = ("-signer", "tsa.pem", "-inkey", "tsa.key")
        self.openssl(
            "ts", "-reply", "-config", "config", "-section", "tsa", *signing, "-queryfile", "request", "-out", "answer"
        )
        return (self.folder / "answer").read_bytes()

    def make(self) -> None:
        """Make the authority and the server's certificate."""
        (self.folder / "config").write_text(CONFIG.format(folder=self.folder))
        (self.folder / "serial").write_text("01\n")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "/dev/null")
        here = ("-CA", "root.pem", "-CAkey", "root.key")
        self.openssl("req", "-x509", *curve, "-subj", "/CN=Test authority", "-keyout", "root.key", "-out", "root.pem")
        self.openssl("req", "-new", *curve, "-subj", "/CN=Test time server", "-keyout", "tsa.key", "-out", "tsa.csr")
        self.openssl(
            "x509", "-req", "-in", "tsa.csr", *here, "-extfile", "config", "-extensions", "server", "-out", "tsa.pem"
        )


@contextmanager
def time_server(folder: Path) -> Iterator[TimeServer]:
    """Serve timestamps; skip where there is no openssl."""
    if OPENSSL is None:
        pytest.skip("openssl is not installed")
    folder.mkdir()
    made = TimeServer(folder)
    made.make()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            body = made.answer(made.asked[-1]) if made.status == 200 else b""
            self.send_response(made.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/"
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield made
        finally:
            server.shutdown()
