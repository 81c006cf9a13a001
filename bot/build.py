"""The only place that constructs objects from settings: settings in, a service out."""

from bot.builders.alerting import Destinations, cap, casework, destination, destinations, news, operators, sinks
from bot.builders.service import Service, blobs, hub, interview, refuse_lost, service, store, utc_now
from bot.builders.watching import (
    Monitoring,
    asking,
    feeds,
    followups,
    learning,
    monitoring,
    one_pass,
    relatives,
    watchdog,
    watcher,
)

__all__ = [
    "Destinations",
    "Monitoring",
    "Service",
    "asking",
    "blobs",
    "cap",
    "casework",
    "destination",
    "destinations",
    "feeds",
    "followups",
    "hub",
    "interview",
    "learning",
    "monitoring",
    "news",
    "one_pass",
    "operators",
    "refuse_lost",
    "relatives",
    "service",
    "sinks",
    "store",
    "utc_now",
    "watchdog",
    "watcher",
]
