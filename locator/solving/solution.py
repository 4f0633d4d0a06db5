"""Say which sites were chosen, what they are worth, and how much better any others could be."""

import math
from dataclasses import dataclass

from locator.solving._kernels import type_numbers

OPTIMAL = 1e-6
"""A choice is called the best if no other can be worth more by a greater part than this."""

# what computing a percentage may have added to it
_NOISE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A choice of sites with the bound that comes with it.

    Attributes
    ----------
    chosen
        Shape ``(k,)``: numbers of sites in the order in which each adds most to those before
        it. Each adds something.
    worth
        Weight that they cover.
    bound
        No choice within the budget is worth more. Never below ``worth``.
    method
        In words, for reports.
    seconds
        Since the search began.
    interrupted
        Whether somebody stopped the search: there may be better choices.
    """

    chosen: type_numbers
    worth: float
    bound: float
    method: str
    seconds: float
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """How much of the bound is not reached, 0 to 1; 0 if there is nothing to reach."""
        return (self.bound - self.worth) / self.bound if self.bound > 0 else 0.0

    @property
    def proven(self) -> bool:
        """Whether no choice can be worth more than one part in a million more: ``OPTIMAL``."""
        return self.gap <= OPTIMAL

    @property
    def says(self) -> str:
        """How good the choice is, in English."""
        return in_words(self.gap)


def in_words(gap: float) -> str:
    """Say how good a choice is that may be better by a part, 0 to 1."""
    if gap <= OPTIMAL:
        return "proven best"
    percent = gap * 100
    digits = 2 if percent < 0.1 else 1  # noqa: PLR2004
    # rounded up: what is said must hold
    upper = math.ceil(percent * 10**digits - _NOISE) / 10**digits
    return f"within {upper:.{digits}f} % of the best possible"
