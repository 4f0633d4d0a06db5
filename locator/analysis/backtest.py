"""Score siting on months that it has not seen, beside other ways to choose."""

from dataclasses import dataclass

import pandas as pd

from locator.travel.standard import Standard


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """Siting on earlier months, scored on later ones.

    Attributes
    ----------
    standard
        What counts as near.
    new
        Number of kits that each strategy places.
    table
        One row for each strategy, the best first: ``strategy``, ``kits``, ``share`` (of the test
        months' weight that is covered, the mean of all splits by weight), ``low``, ``high`` (95 %
        interval), ``gain`` (points of share that the optimised choice has more), ``gain_low``,
        ``gain_high``, ``relative`` (``gain`` as a share of ``share``).
    by_month
        ``strategy``, ``month`` (the test month), ``trained`` (months that the choice knew),
        ``share``.
    months
        All months, in order.
    placed_in_order
        Kits of the charity's actual order that could be placed, and the others.
    without_position
        Kits in that order whose position is not known.
    says
        What the table shows, in sentences.
    assumptions
        In sentences.
    tables
        Names in ``sources.toml`` whose attribution is owed.
    seconds
        That it took.
    """

    standard: Standard
    new: int
    table: pd.DataFrame
    by_month: pd.DataFrame
    months: tuple[str, ...]
    placed_in_order: int
    without_position: int
    says: tuple[str, ...]
    assumptions: tuple[str, ...]
    tables: tuple[str, ...]
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """Give the figures as plain values for JSON."""
        return {
            "standard": str(self.standard),
            "new": self.new,
            "table": self.table.to_dict("records"),
            "by_month": self.by_month.to_dict("records"),
            "months": list(self.months),
            "placed_in_order": self.placed_in_order,
            "without_position": self.without_position,
            "says": list(self.says),
            "assumptions": list(self.assumptions),
            "tables": list(self.tables),
            "seconds": round(self.seconds, 2),
        }
