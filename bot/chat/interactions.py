"""Answer buttons and forms."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal

import discord

from bot.alerts.depth_chart import NAME
from bot.alerts.filters import organisation_of
from bot.chat.context import Desk
from bot.chat.embeds import mention
from bot.chat.forms import Filled, filled, form
from bot.chat.publisher import Decided, Decision
from bot.chat.replies import Interaction, aside, say, words_of
from bot.text.sanitize import code, harmless
from bot.text.words import DEFAULT, Words, words_for
from state.case_records import Case, Mute, NewRemark, RemarkState
from state.errors import StateError

LONGEST_MUTE: Final = timedelta(days=731)
CARD_LENGTH: Final = 800_000  # bytes
MODERATE: Final = {"acknowledge", "dismiss", "mute"}
DECISIONS: Final[Mapping[str, Decision]] = {
    "reject": "reject",
    "retract": "retract",
    "right": "confirm",
    "wrong": "reject",
}
DECIDED: Final = {"published": "publish", "rejected": "reject", "retracted": "retract"}  # a state, by which remark
REVIEW: Final = {"publish", "ask", "accept", "refuse", *DECISIONS}
FORMS: Final = {"dismiss", "mute", "answer", *DECISIONS}


@dataclass(frozen=True, slots=True)
class Presses:
    """Answers presses and forms."""

    desk: Desk

    async def press(self, interaction: Interaction, action: str, about: str) -> None:
        """A button was pressed."""
        if not await self._allowed(interaction, action):
            return
        if action in FORMS:
            await interaction.response.send_modal(form(words_of(interaction), action, about))
            return
        handlers: dict[str, Callable[[Interaction, str], Awaitable[None]]] = {
            **dict.fromkeys(("evidence", "card", "repeat"), self._evidence),  # two of them under older messages alone
            "acknowledge": self._acknowledge,
            "publish": lambda asked, about: self._approve(asked, about, "publish"),
            "ask": lambda asked, about: self._approve(asked, about, "ask"),
            "accept": lambda asked, note: self._settle(asked, note, "accepted"),
            "refuse": lambda asked, note: self._settle(asked, note, "refused"),
        }
        await handlers[action](interaction, about)

    async def submitted(self, interaction: Interaction) -> None:
        """A form was sent."""
        sent = filled(interaction)
        if sent is None or not await self._allowed(interaction, sent.action):
            return
        case = await self._case(interaction, sent.about)
        if case is None:
            return
        if sent.action in DECISIONS:
            await self._decide(interaction, case, DECISIONS[sent.action], sent.texts.get("reason", ""))
        elif sent.action == "dismiss":
            note = self._note(interaction, case, "dismiss", sent.texts.get("reason", ""))
            await self._add(interaction, note, "case.dismissed")
        elif sent.action == "mute":
            await self._mute(interaction, case, sent)
        else:
            await self._answer(interaction, case, sent.texts.get("text", ""))

    async def _allowed(self, interaction: Interaction, action: str) -> bool:
        """Say no to who may not do it."""
        words = words_of(interaction)
        if action in MODERATE and (interaction.guild_id is None or not interaction.permissions.manage_messages):
            await say(interaction, words("case.moderators"))
            return False
        if action in REVIEW and str(interaction.channel_id) != self.desk.publisher.policy.channel:
            await say(interaction, words("review.elsewhere"))
            return False
        return True

    async def _case(self, interaction: Interaction, case_id: str) -> Case | None:
        case = await aside(self.desk.cases.get, case_id)
        if case is None:
            await say(interaction, words_of(interaction)("case.none", case=harmless(case_id, 40)))
        return case

    # -- for everybody -----------------------------------------------------------------------------------------

    async def _evidence(self, interaction: Interaction, about: str) -> None:
        """Show everything that was measured, and hand out the card at first sight as a file: nothing in it is drawn."""
        case, words = await self._case(interaction, about), words_of(interaction)
        if case is None:
            return
        embed = await aside(self.desk.drafts.evidence, case, str(interaction.guild_id or ""), words)
        card = await aside(self.desk.cards.of, case)
        files = [discord.File(io.BytesIO(card[:CARD_LENGTH]), "card.txt")] if card else []
        await say(interaction, None if card else words("case.card_none"), embed=embed, files=files)

    async def _answer(self, interaction: Interaction, case: Case, text: str) -> None:
        note = NewRemark(case.case_id, "answer", str(interaction.user.id), text)
        new = await aside(self.desk.cases.answer, note, self.desk.publisher.policy.destination, self.desk.clock())
        self.desk.kick()
        await say(interaction, words_of(interaction)("case.answer_kept" if new else "case.known"))

    # -- for moderators of a server ----------------------------------------------------------------------------

    def _note(
        self, interaction: Interaction, case: Case, kind: Literal["acknowledge", "dismiss"], text: str = ""
    ) -> NewRemark:
        return NewRemark(case.case_id, kind, str(interaction.user.id), text, str(interaction.guild_id))

    async def _acknowledge(self, interaction: Interaction, about: str) -> None:
        case = await self._case(interaction, about)
        if case is not None:
            await self._add(interaction, self._note(interaction, case, "acknowledge"), "case.acknowledged")

    async def _add(self, interaction: Interaction, note: NewRemark, done: str) -> None:
        new = await aside(self.desk.cases.add_remark, note, self.desk.clock())
        self.desk.kick()
        await say(interaction, words_of(interaction)(done if new else "case.known"))

    async def _mute(self, interaction: Interaction, case: Case, sent: Filled) -> None:
        words, text = words_of(interaction), sent.texts.get("until", "")
        until = _end_of_day(text)
        if until is None or not self.desk.clock() < until < self.desk.clock() + LONGEST_MUTE:
            await say(interaction, words("case.bad_date", text=code(text, 40)))
            return
        organisation = organisation_of(case.report)
        user, reason = str(interaction.user.id), sent.texts.get("reason", "")
        mute = Mute(str(interaction.guild_id), organisation, until, user, reason)
        await aside(self.desk.subscriptions.mute, mute, self.desk.clock())
        await say(interaction, words("case.muted", organisation=code(organisation, 100), until=f"{until:%Y-%m-%d}"))

    # -- for reviewers -----------------------------------------------------------------------------------------

    async def _approve(self, interaction: Interaction, about: str, kind: Decision) -> None:
        case = await self._case(interaction, about)
        if case is not None:
            await self._decide(interaction, case, kind, "")

    async def _decide(self, interaction: Interaction, case: Case, kind: Decision, why: str) -> None:
        words, who = words_for(DEFAULT), str(interaction.user.id)
        try:
            decided = await aside(self.desk.publisher.decide, case, kind, who, why)
        except StateError:
            await self._decided_before(interaction, case.case_id, words)
            return
        embeds, view = await self._drawn(interaction, decided, who, why)
        await interaction.response.edit_message(embeds=embeds, view=view)
        self.desk.kick()  # what follows edits the message again

    async def _decided_before(self, interaction: Interaction, case_id: str, words: Words) -> None:
        """Say so, and bring the message up to date: a process that died after the decision has not done that."""
        now = await aside(self.desk.cases.get, case_id)
        await say(interaction, words("review.decided", state=now.state if now else ""))
        if now is None or now.state not in DECIDED or interaction.message is None:
            return
        said = [r for r in await aside(self.desk.cases.remarks, case_id) if r.kind == DECIDED[now.state]]
        who = said[-1].by_user if said else ""
        embeds, view = await self._drawn(interaction, Decided(now, 0, 0), who, said[-1].text if said else now.reason)
        await interaction.message.edit(embeds=embeds, view=view)

    async def _drawn(
        self, interaction: Interaction, decided: Decided, who: str, why: str
    ) -> tuple[list[discord.Embed], discord.ui.View | None]:
        """Return what the reviewers' message shows after a decision."""
        words = words_for(DEFAULT)
        view = await aside(self.desk.drafts.for_deciding, decided.case, words)
        embeds = list(interaction.message.embeds) if interaction.message else []
        if embeds:
            if embeds[0].image.url:  # Discord gives the picture's address, by which it would be shown a second time
                embeds[0].set_image(url=f"attachment://{NAME}")
            embeds[0].description = _shown(decided, who, why, words, embeds[0].description or "")
        return embeds, view() if view else None

    async def _settle(self, interaction: Interaction, about: str, state: RemarkState) -> None:
        words, who = words_for(DEFAULT), str(interaction.user.id)
        try:
            await aside(self.desk.cases.settle_answer, int(about, 16), state, who, self.desk.clock())
        except StateError:
            settled = await aside(self.desk.cases.remark, int(about, 16))
            if settled is None:
                raise
            state, who = settled.state, settled.decided_by or ""  # the message may still show it as open
        self.desk.kick()
        embeds = list(interaction.message.embeds) if interaction.message else []
        if embeds:
            embeds[0].description = f"{embeds[0].description}\n\n{words(f'review.{state}', who=mention(who))}"
        await interaction.response.edit_message(embeds=embeds, view=None)


def _shown(decided: Decided, who: str, why: str, words: Words, before: str) -> str:
    """The text of the reviewers' message after a decision: what was decided, in place of what was asked."""
    if not decided.published:
        reason = harmless(why, 300) or words("standing.no_reason")
        heading = words("review.confirmed", who=mention(who), reason=reason)
    elif decided.case.state == "asked":
        heading = words("review.posting")
    elif decided.case.state == "review":
        heading = words("review.voted", votes=decided.votes, needed=decided.needed)
    else:
        reason = harmless(why, 300) or words("standing.no_reason")
        heading = words(f"review.{decided.case.state}", who=mention(who), reason=reason)
    return f"{heading}\n\n{before.partition(chr(10) * 2)[2]}"


def _end_of_day(text: str) -> datetime | None:
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
    return datetime.combine(day, time(23, 59, 59), UTC) if day else None
