"""Each subscribed channel has each case once, in its present state."""

from __future__ import annotations

from pathlib import Path

from demo.loopback_world import CROSSPOSTED
from tests.bot.chat.stage import found, labels, theatre


def test_a_finding_is_told_in_every_channel_that_asked(tmp_path: Path) -> None:
    """With its picture, its buttons, and a ping only where a role was asked for; an announcement is handed on."""
    with theatre(tmp_path) as at:
        at.subscribe(at.room, role_id="900000000000000001")
        at.subscribe(at.news, at.thread)
        profile = [{"layer": 0, "module": "q", "shares": {"a/x": [0.5, 0.4, 0.6], "b/y": [0.5, 0.4, 0.6]}}]
        at.find(found(profile=profile))
        with at.bot():
            at.wait(lambda: all(c.messages for c in (at.room, at.news, at.thread)))
            at.idle()
        assert not at.other.messages
        (message,) = at.room.messages
        assert message["content"] == "<@&900000000000000001>"
        assert message["allowed_mentions"] == {"parse": [], "roles": [900000000000000001]}
        (embed,) = message["embeds"]
        assert embed["title"] == "Blend, 1 of 2 parents not declared: quick-fox/Aurora\\_Turbo"
        assert embed["image"] == {"url": "attachment://mix.png"}
        (picture,) = message["attachments"]
        assert "a/x between 0.500 and 0.500" in picture["description"]
        assert labels(message) == ["Evidence", "Repeat it", "Acknowledge", "Dismiss", "Mute the organisation"]
        assert at.news.messages[0]["flags"] & CROSSPOSTED
        assert at.news.messages[0]["content"] == ""
        assert not at.thread.messages[0]["flags"] & CROSSPOSTED
