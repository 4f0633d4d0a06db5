"""Say what counts as near: so many metres, or so many minutes."""

from dataclasses import dataclass
from enum import StrEnum

from locator.errors import InputError
from locator.travel.pace import Pace

_MINUTE_S = 60.0
_FARTHEST_M = 20_000.0


class Kind(StrEnum):
    """In what a service standard is given."""

    METRES = "metres"
    ONE_WAY = "minutes one way"
    FETCH = "minutes to fetch"


@dataclass(frozen=True, slots=True)
class Standard:
    """A service standard: whoever has a kit within it is covered.

    Attributes
    ----------
    kind, limit
        Metres or minutes, as they were asked for.
    metres
        The same as metres one way; exactly so far is within.
    walking
        Whether these are metres on foot (along streets, or straight metres times the median
        detour where no street is known) or in a straight line.
    m_per_s
        Speed that turned minutes into metres; None for a standard in metres.
    """

    kind: Kind
    limit: float
    metres: float
    walking: bool
    m_per_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no distance.

        Raises
        ------
        InputError
            It is nothing, farther than 20 km, or not a number.
        """
        if not 0 < self.metres <= _FARTHEST_M:
            msg = (
                f"A standard of {self.limit:g} {self.kind} reaches {self.metres:.0f} m; choose one "
                f"that reaches more than 0 and up to {_FARTHEST_M:,.0f} m."
            )
            raise InputError(msg)

    @classmethod
    def within(cls, metres: float, *, walking: bool = False) -> "Standard":
        """Count who has a kit within so many metres."""
        return cls(Kind.METRES, metres, metres, walking)

    @classmethod
    def one_way(cls, minutes: float, m_per_s: float) -> "Standard":
        """Count who is at a kit within so many minutes, going at ``m_per_s``."""
        metres = minutes * _MINUTE_S * m_per_s
        return cls(Kind.ONE_WAY, minutes, metres, walking=True, m_per_s=m_per_s)

    @classmethod
    def fetch(cls, minutes: float, pace: Pace, m_per_s: float) -> "Standard":
        """Count who has a kit within so many minutes, there and back, call and code included."""
        metres = pace.reach_m(minutes * _MINUTE_S, m_per_s)
        return cls(Kind.FETCH, minutes, metres, walking=True, m_per_s=m_per_s)

    def __str__(self) -> str:
        """Say the standard in English."""
        how = "on foot" if self.walking else "in a straight line"
        if self.m_per_s is None:
            return f"{self.metres:g} m {how}"
        speed = f"{self.m_per_s:g} m/s"
        return f"{self.limit:g} {self.kind} at {speed} ({self.metres:.0f} m {how})"
