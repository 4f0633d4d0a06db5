"""Estimate fetch times from the straight line and a detour factor.

The slope of the ground is ignored.
"""

from dataclasses import dataclass

from locator import geodesy
from locator.settings import Settings


@dataclass(frozen=True, slots=True)
class Straight:
    """Straight line times a detour factor.

    Attributes
    ----------
    detour_factor
        Walking distance divided by straight-line distance. The default of 1.4 is the median
        on street networks of London, Helsinki and Porto (1.38 to 1.41); one walk in ten is
        longer than twice the straight line.
    overhead_s
        Seconds that are not travel: the call, the code, opening the cabinet.
    walk_m_per_s
        1.27 m/s: the 19 minutes for twice 726 m of the British study of defibrillators
        (doi 10.1136/heartjnl-2023-322985).
    run_m_per_s
        3 m/s, an assumption: a fit adult in street clothes over a few hundred metres.
    """

    detour_factor: float
    overhead_s: float
    walk_m_per_s: float
    run_m_per_s: float

    @classmethod
    def of(cls, settings: Settings) -> "Straight":
        """Take the speeds and factors of the settings."""
        return cls(
            detour_factor=settings.detour_factor,
            overhead_s=settings.overhead_s,
            walk_m_per_s=settings.walk_m_per_s,
            run_m_per_s=settings.run_m_per_s,
        )

    def one_way_s(self, distance_m: geodesy.type_floats, m_per_s: float) -> geodesy.type_floats:
        """Estimate the seconds from here to there.

        Parameters
        ----------
        distance_m
            Straight-line metres, shape ``(n,)``.
        m_per_s
            Speed.
        """
        return distance_m * self.detour_factor / m_per_s

    def fetch_s(self, distance_m: geodesy.type_floats, m_per_s: float) -> geodesy.type_floats:
        """Estimate the seconds there and back with everything in between, shape ``(n,)``."""
        return 2 * self.one_way_s(distance_m, m_per_s) + self.overhead_s
