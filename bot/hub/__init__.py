"""The room that knows the Hub: its addresses, its client library, its limits and its faults.

A token goes to the Hub's own origin and nowhere else; every answer has a time limit, and so has the reading of one
repository; every body has a bound in bytes; bytes of weights come by single ranges from addresses that are resolved
once a shard.
"""

from bot.hub.facts import Current
from bot.hub.http.meter import Meter
from bot.hub.hub import Hub
from bot.hub.listing import Page
from bot.hub.repo import HubRepo

__all__ = ["Current", "Hub", "HubRepo", "Meter", "Page"]
