"""Tests, laid out like the rooms they test."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]  # of the checkout
