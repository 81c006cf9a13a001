"""Sign the log as far as it has grown, and let a time server say when."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.proof.signing import ProofError, Signer
from bot.proof.timestamps import fetch
from state.proof.log import Checkpoint, ProofLog

log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Notary:
    """Signs checkpoints of the log. `timestamp_url`: address of a time server, "" for none."""

    entries: ProofLog
    signer: Signer
    clock: Callable[[], datetime]
    timestamp_url: str

    async def sign(self) -> Checkpoint | None:
        """Sign what was entered since the last checkpoint; return the newest checkpoint, None for an empty log.

        StateError where entries that were signed before are not there any more as they were.
        """
        size, root = self.entries.tree_head()
        signed = self.entries.checkpoints()
        if size and (not signed or signed[-1].size < size):
            self.entries.add_checkpoint(size, root, self.signer.checkpoint(size, root), self.clock())
            signed = self.entries.checkpoints()
        newest = signed[-1] if signed else None
        if newest is None or newest.token is not None or not self.timestamp_url:
            return newest
        try:
            self.entries.add_token(newest.size, await fetch(self.timestamp_url, newest.note.encode()))
        except ProofError as error:
            log.warning("the log of proofs has no timestamp: %s", error)
        return self.entries.checkpoints()[-1]
