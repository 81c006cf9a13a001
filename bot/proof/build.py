"""Construct the key and the notary of the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bot.config import extras
from bot.config.settings import Settings, SettingsError
from bot.proof.notary import Notary
from bot.proof.signing import FILE, Signer, load
from state.store import Store


def key_file(settings: Settings) -> Path:
    """Return the file of the key that signs the log."""
    return settings.log_key or settings.data / FILE


def signer(settings: Settings) -> Signer:
    """Return what signs the log. A missing key in the data folder is made; StateError where a named one is missing."""
    return load(key_file(settings), make=settings.log_key is None)


def notary(settings: Settings, opened: Store, clock: Callable[[], datetime]) -> Notary:
    """Return the notary of the log; raises SettingsError and StateError."""
    if settings.timestamp_url and not extras.installed("rfc3161_client"):
        raise SettingsError(f"BLENDWATCH_TIMESTAMP_URL needs rfc3161-client: {extras.command('rfc3161_client')}")
    return Notary(opened.proofs, signer(settings), clock, settings.timestamp_url)
