"""The Hub: its addresses, its client library, its limits and its errors.

The token goes to the Hub's own origin only. Every answer, and the reading of one repository, has a time limit. Every
body has a limit in bytes. Weights are read by single ranges from addresses that are resolved once a shard.
"""

from bot.hub.facts import Current
from bot.hub.http.meter import Meter
from bot.hub.hub import Hub
from bot.hub.listing import Page
from bot.hub.repo import HubRepo

__all__ = ["Current", "Hub", "HubRepo", "Meter", "Page"]
