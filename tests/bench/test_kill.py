"""SIGKILL at random moments: a small part of what `python -m bench.kill` runs through."""

from __future__ import annotations

from dataclasses import replace

from bench.kill import MANY, WAVE, Start, problems, prove


def test_a_killed_service_loses_nothing() -> None:
    """Two kills: the same verdicts and alerts as without, and what is taken away or doubled would be noticed."""
    killed, undisturbed, wrong = prove(kills=2, seed=4)
    assert wrong == []
    assert len(killed.verdicts) == 2 * WAVE
    assert killed.copies
    (first, *_) = killed.copies
    assert problems(replace(killed, copies={}), undisturbed, 2)
    assert problems(replace(killed, copies={**killed.copies, first: 9}), undisturbed, 2)
    assert all(start.begun for start in killed.starts)
    broken = (Start(begun=False, status=2),) * 2  # settings that no watch starts with
    assert len(problems(replace(killed, starts=broken), undisturbed, 2)) == 2
    once = dict.fromkeys(killed.copies, 1)
    assert problems(replace(killed, starts=[*killed.starts] * MANY, copies=once, claims=once), undisturbed, MANY)
    assert problems(replace(killed, verdicts=dict.fromkeys(killed.verdicts, ("pending",))), undisturbed, 2)
