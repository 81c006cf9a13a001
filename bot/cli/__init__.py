"""The commands, one file each: a function, or a group of them, whose signature is the command line.

Each is imported when it runs, so that the help and the lightest command wait for no other's libraries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# each by its name, with the sentence that the list of commands has for it
COMMANDS: Final[Mapping[str, str]] = {
    "demo": "See the whole service at work on a small Hub of its own.",
    "check": "Check one upload against the known models.",
    "compare": "Compare the weights of two models; no known models are needed.",
    "card": "Read a card as a check does: what it declares, names and claims.",
    "ask": "Ask a model its name, without a system prompt. It may cost money.",
    "survey": "Check models that are on the Hub already, such as a family's.",
    "watch": "Watch the Hub: judge what is new and large, and send alerts.",
    "why": "Say what became of a repository.",
    "case": "List, show, replay, export, confirm and retract cases.",
    "verify": "Verify an archive of a case, offline or against the weights.",
    "proof": "Show the key and the checkpoint of the log of proofs, and audit it.",
    "site": "Write the pages of public cases and clearances into a folder.",
    "alerts": "Send again what could not be delivered.",
    "registry": "Look at the known models, edit them, hold them against the Hub.",
    "doctor": "Check that everything is there that a watch needs.",
    "notify": "Send a test message to where alerts go.",
    "status": "Say how the watch has been doing.",
    "rates": "Say how often alerts were right, and what is not measured.",
    "health": "Say whether the watch is alive, for a health check.",
    "backup": "Back up the data folder, also while the watch runs.",
    "restore": "Put a backup back.",
    "move": "Copy the SQLite database to another server, and compare.",
    "prune": "Remove what need not be kept any longer.",
}
