"""Import the Hub's own client library with its telemetry off; other modules import it from here."""

from __future__ import annotations

import logging
import os

# Read when the library is imported. Without it, the first request asks the public Hub, whatever the endpoint, for a
# list of names to look for in our environment.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from httpcore2 import SOCKET_OPTION, NetworkBackend, NetworkStream  # the transport of the library's HTTP client
from huggingface_hub import constants, set_client_factory
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported, but not in a way that mypy sees
    RateLimitInfo,
    build_hf_headers,
    httpx,
    parse_ratelimit_headers,
    validate_repo_id,
)
from huggingface_hub.utils._http import default_client_factory

constants.HF_HUB_DISABLE_TELEMETRY = True  # for a library that was imported before this module

# It logs every address at INFO, and a signed address is a key to the file.
logging.getLogger("httpx2").setLevel(logging.WARNING)

__all__ = [
    "SOCKET_OPTION",
    "HFValidationError",
    "NetworkBackend",
    "NetworkStream",
    "RateLimitInfo",
    "build_hf_headers",
    "constants",
    "default_client_factory",
    "httpx",
    "parse_ratelimit_headers",
    "set_client_factory",
    "validate_repo_id",
]
