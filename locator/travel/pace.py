"""Turn metres on foot into seconds. Slopes are left aside."""

from dataclasses import dataclass
from typing import TypeVar

from locator import geodesy
from locator.settings import Settings

_Metres = TypeVar("_Metres", float, geodesy.type_floats)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast somebody goes for a kit.

    Attributes
    ----------
    walk_m_per_s
        1.27 m/s: the 19 minutes for twice 726 m of the British study of defibrillators
        (doi 10.1136/heartjnl-2023-322985), also the slowest group mean of comfortable walking
        (women in their seventies, Bohannon 1997, doi 10.1093/ageing/26.1.15).
    brisk_m_per_s
        1.8 m/s: the median of lay responders sent to a cardiac arrest in the densest places
        (Jonsson 2020, doi 10.1016/j.resuscitation.2020.01.043).
    run_m_per_s
        3 m/s: thirty people who fetched a defibrillator 400 m away on a free track took
        4.35 min for both ways, 3.1 m/s; on a busy street 6.62 min, 2.0 m/s
        (Gramm 2025, doi 10.1080/10903127.2025.2475323).
    overhead_s
        Seconds that are not travel: the call, the code, opening the cabinet.
    """

    walk_m_per_s: float
    brisk_m_per_s: float
    run_m_per_s: float
    overhead_s: float

    @classmethod
    def of(cls, settings: Settings) -> "Pace":
        """Take the speeds of the settings."""
        return cls(
            settings.walk_m_per_s,
            settings.brisk_m_per_s,
            settings.run_m_per_s,
            settings.overhead_s,
        )

    def arrival_s(self, metres: _Metres, m_per_s: float) -> _Metres:
        """Estimate when somebody who goes so fast is at the kit, seconds from now."""
        return metres / m_per_s + self.overhead_s

    def fetch_s(self, metres: _Metres, m_per_s: float) -> _Metres:
        """Estimate the seconds there and back with everything in between.

        Parameters
        ----------
        metres
            Walking metres one way.
        m_per_s
            Speed.
        """
        return 2 * metres / m_per_s + self.overhead_s

    def reach_m(self, fetch_s: float, m_per_s: float) -> float:
        """Give the walking metres one way from which a kit is fetched within a time."""
        return max(fetch_s - self.overhead_s, 0.0) * m_per_s / 2
