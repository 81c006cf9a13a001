"""Render each row of the outbox in its channel's language, as things stand when it is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import discord

from bot.alerts.compose import QUIET_COLOUR, TOTAL_LIMIT, Answer
from bot.alerts.delivery import TryLater, Undeliverable, Unsent
from bot.alerts.depth_chart import NAME, Picture, draw
from bot.alerts.embeds import alert_embed, embed_width, evidence_embed, fitted, news_embed, operator_embed
from bot.alerts.outcome import FOR_REVIEWERS, RECORDED, Outcome
from bot.chat.controls import buttons
from bot.chat.dedupe import SEPARATOR, marker_of
from bot.chat.embeds import ANSWER_LENGTH, REASON_LENGTH, in_full, mention, outcome_for, remark_embed
from bot.chat.publisher import REVIEWERS, Policy
from bot.text.sanitize import harmless, section, string, visible
from bot.text.words import DEFAULT, Words, words_for
from state.case_records import Case, Remark
from state.cases.messages import guild_and_channel
from state.cases.publications import Publications
from state.cases.subscriptions import Subscriptions
from state.cases.view import ASKED, ENDED
from state.outbox.digests import RETRACTED_UNSENT
from state.records import Note, OutboxRow

THREAD_NAME: Final = 90
PICTURES: Final = 16  # kept
EVIDENCE_LIMIT: Final = 3800  # characters: with an alert and its links it stays below Discord's limit of a message
FOOTER_ROOM: Final = 200  # characters of a reviewers' message for the mark in its footer
DECIDING: Final = (*ASKED, *ENDED, "retracted")  # news that change what reviewers have to decide

View = Callable[[], discord.ui.View]


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent. With a `head_id`, that message is brought up to date and this one goes under it.

    `shown`: messages that show `head_embeds` and `head_view` from now on. `unsent`: why it is not sent, unless it was,
    by an attempt whose end nobody saw: then it is brought up to date.
    """

    embeds: Sequence[discord.Embed]
    view: View | None = None
    picture: Picture | None = None
    role_id: str | None = None
    announce: bool = False
    head_id: str | None = None
    head_embeds: Sequence[discord.Embed] = ()
    thread_name: str = ""
    head_view: View | None = None
    shown: Sequence[str] = ()
    unsent: str = ""

    def files(self) -> list[discord.File]:
        """Return the attachments; made anew each time, because sending uses them up."""
        return [] if self.picture is None else [self.picture.file()]


@dataclass(frozen=True, slots=True)
class Album:
    """The pictures drawn last: a case goes to many channels in a row."""

    kept: dict[tuple[str, str], Picture | None] = field(default_factory=dict)

    def of(self, case: Case, words: Words) -> Picture | None:
        """The picture of a case in one language."""
        key = (case.case_id, words.locale)
        if key not in self.kept:
            while len(self.kept) >= PICTURES:
                self.kept.pop(next(iter(self.kept)))
            self.kept[key] = draw(case.report, words)
        return self.kept[key]


@dataclass(frozen=True, slots=True)
class Drafts:
    """Makes drafts from what is stored."""

    cases: Publications
    subscriptions: Subscriptions
    policy: Policy
    glossary: str = ""  # the address that terms of an alert link to
    album: Album = field(default_factory=Album)

    def of(self, row: OutboxRow) -> Draft:
        """The draft of one row; Undeliverable if there is no such thing, Unsent if nobody is to be alerted any more."""
        if row.payload.get("operator"):
            return Draft([_marked(operator_embed(section(row.payload["operator"])), row)])
        case = self.cases.get(string(row.payload.get("case")))
        if case is None:
            raise Undeliverable("There is no such case.")
        kind, (guild_id, channel_id) = row.payload["kind"], guild_and_channel(row.destination)
        if guild_id == REVIEWERS:
            return self._for_reviewers(row, case, kind)
        wish = self.subscriptions.of_channel(
            channel_id
        )  # a channel that was alerted hears what follows, subscribed or not
        words = words_for(wish.locale if wish is not None else DEFAULT)
        head = self.head(case, guild_id, words)
        if kind != "head":
            return self._under(row, case, head, words)
        if case.state == "retracted":
            return replace(head, unsent=RETRACTED_UNSENT)
        if wish is None:
            return replace(head, unsent="The channel is no longer subscribed.")
        return replace(head, role_id=wish.role_id, announce=wish.announce)

    def head(self, case: Case, guild_id: str, words: Words) -> Draft:
        """The message that tells a case in one server, as it stands."""
        answer: Answer = "button" if self.policy.channel else "channel"
        embed = alert_embed(case.report, words, self.outcome(case, guild_id, words), answer, self.glossary)
        dismissed = any(remark.kind == "dismiss" for remark in self.cases.remarks(case.case_id, guild_id))
        asked = ["acknowledge", *([] if dismissed else ["dismiss"]), "mute"]
        rows = [["evidence", *(["answer"] if self.policy.channel else [])], asked]
        picture = self._pictured(embed, case, words)
        return Draft([embed], lambda: buttons(words, case.case_id, rows), picture)

    def outcome(self, case: Case, guild_id: str, words: Words) -> Outcome:
        """Return the state of a case and what has happened since, as one server sees it."""
        remarks, news = self.cases.remarks(case.case_id, guild_id), self.cases.news(case.case_id)
        hidden = FOR_REVIEWERS if guild_id else RECORDED
        shown = [note for note in news if note.kind not in hidden]
        return outcome_for(case, remarks, shown, words)

    def evidence(self, case: Case, guild_id: str, words: Words) -> discord.Embed:
        """Everything that a case's alert leaves out."""
        since = in_full(self.outcome(case, guild_id, words))
        return fitted(evidence_embed(case.report, words, since), EVIDENCE_LIMIT)

    def _pictured(self, embed: discord.Embed, case: Case, words: Words) -> Picture | None:
        """Let an embed show the picture of its case, and return it."""
        picture = self.album.of(case, words)
        if picture is not None:
            embed.set_image(url=f"attachment://{NAME}")
        return picture

    def _for_reviewers(self, row: OutboxRow, case: Case, kind: str) -> Draft:
        if kind == "news":
            return self._news_for_reviewers(row, case)
        return self._answer(row, case) if kind == "answer" else self._review(row, case)

    def _news_for_reviewers(self, row: OutboxRow, case: Case) -> Draft:
        """Tell reviewers news of a case that they were shown; update their message where the state changes."""
        if self.cases.sending_before(row.destination, row.id):
            raise TryLater("An earlier message is on its way there.")
        note, words = self._happened(row, case), words_for(DEFAULT)
        draft = Draft([_marked(_news(case, note, words), row)])
        if note.kind not in DECIDING:
            return draft
        shown = [head.message_id for head in self.cases.review_messages(case.case_id) if head.message_id is not None]
        embeds = self._shown_to_reviewers(case, 0)
        self._pictured(embeds[0], case, words)
        view = self.for_deciding(case, words)
        return replace(draft, shown=shown, head_embeds=embeds, head_view=view)

    def _shown_to_reviewers(self, case: Case, times: int) -> list[discord.Embed]:
        """The alert as it stands and its evidence, headed by what is asked of them, or by what was decided."""
        words, until = words_for(DEFAULT), self.policy.trial()
        heading = words("review.again", times=times + 1) if times else words("review.asked")
        if case.state == "retracted":
            heading = f"**{words('news.retracted')}:** {harmless(case.reason, REASON_LENGTH)}"
        elif case.state == "published":
            said = [r.by_user for r in self.cases.remarks(case.case_id) if r.kind == "publish"]
            heading = words("review.published", who=mention(said[-1] if said else ""))
        elif until is not None:
            heading = words("review.trial", until=f"{until:%Y-%m-%d %H:%M}")
        elif case.state == "closed":
            heading = words("review.closed")
        elif case.state == "asked":
            heading = self._asked(case, words)
        embed = alert_embed(case.report, words, self.outcome(case, "", words), "button", self.glossary)
        embed.description = f"{heading}\n\n{embed.description}"
        return [embed, *self._beside(case, words, TOTAL_LIMIT - FOOTER_ROOM - embed_width(embed))]

    def _asked(self, case: Case, words: Words) -> str:
        """Return where the author was asked and until when alerts wait, as the note on it says."""
        posted = [note.text for note in self.cases.news(case.case_id) if note.kind == "notice_posted"]
        return words("review.waits", text=posted[-1]) if posted else words("review.posting")

    def _beside(self, case: Case, words: Words, room: int) -> list[discord.Embed]:
        """Return the evidence and, where a case's author may be asked, the text for him, in `room` characters."""
        asked = case.state == "asked" or self.policy.may_ask(case, self.cases.news(case.case_id))
        notice = self.policy.notice_to(case) if asked else ""
        evidence = evidence_embed(case.report, words, in_full(self.outcome(case, "", words)))
        if not notice:
            return [fitted(evidence, min(room, EVIDENCE_LIMIT))]
        text = discord.Embed(title=words("review.notice"), description=f"```\n{notice}\n```", colour=QUIET_COLOUR)
        return [fitted(evidence, min(room, EVIDENCE_LIMIT) - embed_width(text)), text]

    def for_deciding(self, case: Case, words: Words) -> View | None:
        """Return the buttons that a case in its state has for reviewers; None if none."""
        trial = self.policy.trial() is not None
        undecided = ["publish", "reject"]
        if self.policy.may_ask(case, self.cases.news(case.case_id)):
            undecided.insert(1, "ask")
        asked = ["right", "wrong"] if trial else undecided
        by_state = {"review": asked, "asked": asked, "closed": asked if trial else [], "published": ["retract"]}
        actions = by_state.get(case.state)
        return (lambda: buttons(words, case.case_id, [[*actions, "evidence"]])) if actions else None

    def _review(self, row: OutboxRow, case: Case) -> Draft:
        words = words_for(DEFAULT)
        embeds = self._shown_to_reviewers(case, int(row.payload.get("times") or 0))
        picture = self._pictured(embeds[0], case, words)
        _marked(embeds[0], row)
        view = self.for_deciding(case, words)
        return Draft(embeds, view, picture, unsent=RETRACTED_UNSENT if case.state == "retracted" else "")

    def _under(self, row: OutboxRow, case: Case, head: Draft, words: Words) -> Draft:
        """Return the reply to a case's alert: what somebody said, or what happened since."""
        found = next((h for h in self.cases.case_messages(case.case_id) if h.destination == row.destination), None)
        if found is None or found.state == "dead" or (found.state == "sent" and found.message_id is None):
            raise Unsent("No alert on the case was sent there.")
        if found.message_id is None:
            raise TryLater("The alert on the case is still to be sent there.")
        if row.payload["kind"] == "news":
            if self.cases.sending_before(row.destination, row.id):  # it may show what was so before
                raise TryLater("An earlier message is on its way there.")
            note = self._happened(row, case)
            if case.state == "retracted" and note.kind != "retracted":
                raise Unsent("The case was retracted since.")
            embed = _news(case, note, words)
        else:
            embed = remark_embed(self._stored(row), words)
        name = string(section(case.report.get("suspect")).get("repo_id"))
        return Draft(
            [_marked(embed, row)],
            None,
            head_id=found.message_id,
            head_embeds=head.embeds,
            head_view=head.view,
            thread_name=visible(name, THREAD_NAME) or case.case_id,
        )

    def _answer(self, row: OutboxRow, case: Case) -> Draft:
        words, remark = words_for(DEFAULT), self._stored(row)
        asked = words("review.answer", case=case.case_id, who=mention(remark.by_user))
        embed = discord.Embed(description=f"{asked}\n\n{harmless(remark.text, ANSWER_LENGTH)}", colour=QUIET_COLOUR)
        about = f"{remark.id:x}"
        return Draft([_marked(embed, row)], lambda: buttons(words, about, [["accept", "refuse"]]))

    def _stored(self, row: OutboxRow) -> Remark:
        remark = self.cases.remark(int(row.payload["remark"]))
        if remark is None:
            raise Undeliverable("There is no such remark.")
        return remark

    def _happened(self, row: OutboxRow, case: Case) -> Note:
        found = [note for note in self.cases.news(case.case_id) if note.key == row.payload["news"]]
        if not found:
            raise Undeliverable("Nothing of the kind has happened to the case.")
        return found[0]


def _news(case: Case, note: Note, words: Words) -> discord.Embed:
    name = string(section(case.report.get("suspect")).get("repo_id"))
    return news_embed(note.kind, name, note.text, note.noted_at, words)


def _marked(embed: discord.Embed, row: OutboxRow) -> discord.Embed:
    return embed.set_footer(text=f"{marker_of(row.payload)}{SEPARATOR}{embed.footer.text or 'blendwatch'}")
