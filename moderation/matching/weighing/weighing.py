"""Weighing one picture's candidates: which match in which tier, which are silenced, which have keypoints to compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from moderation.domain.bank import BankEffect, BankEntry, Tier
from moderation.matching.geometry.verification import MAX_CANDIDATES, Verifier
from moderation.matching.hashes.frame_hashes import FrameHashes
from moderation.matching.hashes.orientations import ORIENTATIONS
from moderation.matching.hashes.pdq import from_hex
from moderation.matching.hits import Hit, Matched
from moderation.matching.tiers import effect_of, rank, silenced, tier_of, wants_keypoints
from moderation.matching.weighing.candidates import UNSEARCHED_BITS, Candidate

MAX_HITS = 100
"""Hits kept for one picture, strictest and nearest first; a viral picture can have thousands."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate with the tier in which it matches; None: only its keypoints could make it a match."""

    candidate: Candidate
    tier: Tier | None

    @property
    def place(self) -> tuple[int, int]:
        """Frame, and the entry's number: each entry counts once for a frame."""
        return self.candidate.view.frame, self.candidate.number

    @property
    def order(self) -> tuple[int, ...]:
        """Sort key, surest first; the entry's whole picture, upright, before other views."""
        one = self.candidate
        known = self.tier or Tier.REVIEW
        order = rank(effect_of(one.bank, known), known, one.facts.distance_bits)
        view = (one.view.trimmed, ORIENTATIONS.index(one.view.orientation))
        return (self.tier is None, *order, *view, one.number, one.view.frame)


class PictureWeighed:
    """Everything that is known of one picture before its entries and keypoints are read.

    `kept` are its surest matches, of more than `MAX_HITS` only these; `compared` the nearest candidates whose keypoints
    could make them surer.
    """

    def __init__(self, found: Sequence[Candidate], *, compare: bool) -> None:
        weighed = _audible([Weighed(one, tier_of(one.facts, one.bank)) for one in found])
        best: dict[tuple[int, int], Weighed] = {}
        for one in sorted(weighed, key=lambda one: one.order):
            best.setdefault(one.place, one)
        matches = [one for one in best.values() if one.tier is not None]
        self.kept = matches[:MAX_HITS]
        self.capped = len(matches) > MAX_HITS
        self.compared = _to_compare(weighed, best) if compare else []

    @property
    def numbers(self) -> set[int]:
        """The numbers of all entries that have to be read."""
        return {one.candidate.number for one in (*self.kept, *self.compared)}

    def matched(
        self,
        entries: Mapping[int, BankEntry],
        frames: Sequence[FrameHashes],
        verifier: Verifier,
        seen: Matched,
    ) -> Matched:
        """The answer, with the keypoints compared; `seen` is the answer so far, with checkpoint and time."""
        surest = {one.place: one for one in self.kept}
        uncompared, complete = 0, seen.complete
        for one in self.compared:
            again, read = _compared(one, entries[one.candidate.number], verifier)
            uncompared += not (read or one.candidate.facts.recalled)
            complete = complete and read
            known = surest.get(one.place)
            if again.tier is not None and (known is None or again.order < known.order):
                surest[one.place] = again
        hits = sorted(
            (_hit(one, entries[one.candidate.number], frames) for one in surest.values()), key=lambda hit: hit.order
        )
        capped = self.capped or len(hits) > MAX_HITS
        return replace(seen, hits=tuple(hits[:MAX_HITS]), capped=capped, uncompared=uncompared, complete=complete)


def blocked(found: Sequence[Candidate]) -> bool:
    """Whether a blocking bank's automatic match is among a picture's candidates: then nothing can be surer."""
    return any(
        one.tier is Tier.AUTOMATIC and one.candidate.bank.effect is BankEffect.BLOCK
        for one in _audible([Weighed(one, tier_of(one.facts, one.bank)) for one in found])
    )


def _audible(weighed: Sequence[Weighed]) -> list[Weighed]:
    """Without what a frame's allowed matches silence."""
    allowed: dict[int, list[int]] = {}
    for one in weighed:
        if one.candidate.bank.effect is BankEffect.ALLOW and one.tier is not None:
            allowed.setdefault(one.candidate.view.frame, []).append(one.candidate.facts.distance_bits)
    return [
        one
        for one in weighed
        if one.candidate.bank.effect is BankEffect.ALLOW
        or not silenced(one.candidate.facts.distance_bits, allowed.get(one.candidate.view.frame, []))
    ]


def _to_compare(weighed: Sequence[Weighed], best: Mapping[tuple[int, int], Weighed]) -> list[Weighed]:
    """The nearest view of each entry that is not sure yet, of the nearest `MAX_CANDIDATES` entries; and beside them
    those that keypoints proposed, as they are and mirrored.
    """
    near: dict[tuple[int, int], Weighed] = {}
    recalled: list[Weighed] = []
    for one in sorted(weighed, key=lambda one: (one.candidate.facts.distance_bits, one.candidate.number)):
        candidate = one.candidate
        unsure = candidate.facts.trusted and best[one.place].tier is not Tier.AUTOMATIC
        if not (candidate.has_keypoints and unsure and wants_keypoints(candidate.facts, candidate.bank)):
            continue
        if candidate.facts.recalled:
            recalled.append(one)
        else:
            near.setdefault(one.place, one)
    return list(near.values())[:MAX_CANDIDATES] + recalled


def _compared(one: Weighed, entry: BankEntry, verifier: Verifier) -> tuple[Weighed, bool]:
    """The candidate with what its keypoints say, and whether they could be compared; if not, a person has to look,
    unless nothing but the proposal speaks for it.
    """
    view = one.candidate.view
    found = verifier.inliers(view.picture, view.frame, view.orientation, entry.id)
    if found is None:
        unknown = None if one.candidate.facts.recalled else Tier.REVIEW
        return replace(one, tier=one.tier or unknown), False
    facts = replace(one.candidate.facts, inliers=found)
    candidate = replace(one.candidate, facts=facts)
    return Weighed(candidate, tier_of(facts, candidate.bank)), True


def _hit(one: Weighed, entry: BankEntry, frames: Sequence[FrameHashes]) -> Hit:
    view, facts, tier = one.candidate.view, one.candidate.facts, one.tier or Tier.REVIEW
    distance = facts.distance_bits
    if distance == UNSEARCHED_BITS:
        row = ORIENTATIONS.index(view.orientation)
        distance = int(np.bitwise_count(frames[view.frame].pdq[row] ^ from_hex(entry.pdq)).sum())
    return Hit(
        one.candidate.bank,
        entry,
        distance,
        tier,
        effect_of(one.candidate.bank, tier),
        view.frame,
        view.orientation,
        view.trimmed,
        facts.inliers,
    )
