"""The end of each command's help: an example, and the exit statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

USUAL: Final = "0 done, 1 nothing could be shown, 2 usage or configuration"

EXAMPLES: Final[Mapping[str, str]] = {
    "ask": "blendwatch ask org/name --samples 5",
    "card": "blendwatch card README.md --repo org/name",
    "check": "blendwatch check https://huggingface.co/org/name",
    "compare": "blendwatch compare ./my-model org/name",
    "demo": "blendwatch demo",
    "doctor": "blendwatch doctor",
    "health": "blendwatch health --quiet",
    "notify": "blendwatch notify --test",
    "rates": "blendwatch rates --json",
    "site": "blendwatch site public/",
    "status": "blendwatch status",
    "survey": "blendwatch survey --organisation org --requests 2000",
    "watch": "blendwatch watch --once",
    "why": "blendwatch why org/name",
    "backup": "blendwatch backup backups/ --keep 7",
    "restore": "blendwatch restore backups/blendwatch.tar --verify",
    "move": "blendwatch move --to postgresql+psycopg://blendwatch@db/blendwatch",
    "prune": "blendwatch prune --apply",
    "alerts retry": "blendwatch alerts retry",
    "case list": "blendwatch case list --state open --finding blend",
    "case show": "blendwatch case show 0123456789ab",
    "case replay": "blendwatch case replay 0123456789ab",
    "case export": "blendwatch case export 0123456789ab -o case.zip",
    "case confirm": "blendwatch case confirm 0123456789ab --reason 'read both cards'",
    "case retract": "blendwatch case retract 0123456789ab --reason 'declared in the paper'",
    "verify": "blendwatch verify case.zip --against-hub",
    "proof key": "blendwatch proof key",
    "proof checkpoint": "blendwatch proof checkpoint",
    "proof consistency": "blendwatch proof consistency 1200",
    "proof audit": "blendwatch proof audit checkpoint.txt",
    "registry validate": "blendwatch registry validate known.yaml",
    "registry list": "blendwatch registry list --family qwen",
    "registry add": "blendwatch registry add org/name --role base --file known.yaml",
    "registry remove": "blendwatch registry remove org/name --file known.yaml",
    "registry diff": "blendwatch registry diff old.yaml new.yaml",
    "registry warm": "blendwatch registry warm --only org/name",
}

STATUSES: Final[Mapping[str, str]] = {
    "check": "0 nothing, 3 alert, 4 a finding for reviewers, 1 nothing could be read or shown,"
    " 2 usage or configuration",
    "compare": "0 compared, 1 inconclusive or nothing could be shown, 2 usage or configuration",
    "demo": "0 it ended as it should, 1 it did not, 2 usage or configuration",
    "doctor": "0 all is well, 1 something deserves a look, 2 something is broken",
    "health": "0 alive, 1 it hangs or none is running, 2 usage or configuration",
    "why": "0 it is known, 1 it was never seen, 2 usage or configuration",
    "case replay": "0 the verdict holds, 1 it does not, 2 usage or configuration",
    "verify": "0 nothing is wrong, 1 something is, or it is no archive, 2 usage or configuration",
    "proof audit": "0 nothing is wrong, 1 something is, 2 usage or configuration",
    "registry list": "0 listed, 1 there is no such model, 2 usage or configuration",
    "registry warm": "0 all is as the files say, 1 something is not, 2 usage or configuration",
}


def epilog(name: str) -> str:
    """Return the end of a command's help; KeyError for a command without an example."""
    return f"\b\nExample:\n  {EXAMPLES[name]}\n\nExit status: {STATUSES.get(name, USUAL)}."
