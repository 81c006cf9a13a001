"""The trial of a new install: the watch is not measured on the real Hub yet, so a person looks first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.config.settings import Settings
from state.store import Store

JUDGED = "blendwatch case confirm or case retract says whether one is right"
HOW_TO_END = "shadow_days = 0 (BLENDWATCH_SHADOW_DAYS=0) ends it at the next start"


def in_trial(began: datetime | None, shadow_days: float, now: datetime) -> bool:
    """Return True if `now` lies in the trial. `began`: start of the watch (UTC); None: not begun."""
    return shadow_days > 0 and (began is None or now < began + timedelta(days=shadow_days))


@dataclass(frozen=True, slots=True)
class Trial:
    """The trial of one install."""

    store: Store
    shadow_days: float

    def until(self, now: datetime) -> datetime | None:
        """Return the UTC end of the trial; None if `now` does not lie in it."""
        began = self.store.began_at()
        return (began or now) + timedelta(days=self.shadow_days) if in_trial(began, self.shadow_days, now) else None


def described(settings: Settings, until: datetime) -> str:
    """Describe for the operator the effect of the trial, its end, and how to end it early."""
    if settings.discord_token is None:
        where = "the webhook" if settings.discord_webhook is not None else "the console"
        what = f'alerts go to {where} as ever, marked "trial week: not yet confirmed by anybody"; {JUDGED}'
    elif settings.review_channel is not None:
        what = "subscribers see nothing, and the reviewers' channel is asked whether each would-be alert is right"
    else:
        what = f"subscribers see nothing, and the operator hears of each would-be alert; {JUDGED}"
    return f"nobody has measured this watch on the real Hub yet; until {until:%Y-%m-%d %H:%M} UTC {what}; {HOW_TO_END}"
