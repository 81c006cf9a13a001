"""The one door to the Hub's own client library, with what it would tell about us switched off."""

from __future__ import annotations

import logging
import os

# Read when the library is imported; without it, the first request asks the public Hub for a list of names
# to look for in our environment, wherever the endpoint is.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from httpcore2 import SOCKET_OPTION, NetworkBackend, NetworkStream  # what the library's HTTP client reads with
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

constants.HF_HUB_DISABLE_TELEMETRY = True  # somebody may have imported the library before us

# It writes every address at INFO, and a signed address is a key to the file.
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
