"""State what a plan is to reach, with what, and what may be done for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from locator import hours
from locator.errors import InputError
from locator.travel.standard import Standard

_MOST_NEW = 10_000
_MOST_GBP = 1e6
_STEPS = 4


class Action(StrEnum):
    """What can be done at a site."""

    NEW_CABINET = "new cabinet"
    NEW_BAG = "bag in premises"
    OPEN_ALWAYS = "make reachable day and night"
    MOVE = "move a kit here"
    STAY = "leave the kit where it is"


class Objective(StrEnum):
    """What a plan makes as good as it can be."""

    COVER = "cover"
    GRADUAL = "gradual"
    MEDIAN = "median"
    CENTER = "center"


class Unknown(StrEnum):
    """How a kit counts whose hours are not known."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Costs:
    """What things cost, GBP.

    The highest figures of Milton Keynes in 2022: a cabinet up to 385 GBP, fitting it up to 200 GBP
    and a kit about 96 GBP.
    """

    cabinet: float = 385.0
    fitting: float = 200.0
    kit: float = 96.0

    def __post_init__(self) -> None:
        """Refuse what is no price.

        Raises
        ------
        InputError
            A cost is not above 0, or above a million.
        """
        for name in ("cabinet", "fitting", "kit"):
            if not 0 < getattr(self, name) <= _MOST_GBP:
                msg = (
                    f"The cost of a {name} is {getattr(self, name):g} GBP; it must be above 0 and "
                    "at most a million."
                )
                raise InputError(msg)

    def of(self, action: Action) -> float:
        """Tell what an action costs; a kit that moves takes its cabinet along."""
        return {
            Action.NEW_CABINET: self.cabinet + self.fitting + self.kit,
            Action.NEW_BAG: self.kit,
            Action.OPEN_ALWAYS: self.cabinet + self.fitting,
            Action.MOVE: self.fitting,
            Action.STAY: 0.0,
        }[action]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a plan is to reach.

    Attributes
    ----------
    new
        So many actions.
    budget
        So many GBP.
    share
        As few actions as reach this share of the demand, 0 to 1. Exactly one of ``new``,
        ``budget`` and ``share`` is given.
    objective
        Cover within the standard, gradual cover, the mean distance or the longest one.
    full
        For gradual cover: a kit within this counts in full, and in :attr:`steps` less until
        the standard, beyond which it counts nothing.
    actions
        What may be done; new cabinets if left out, and with a budget also bags where hours are
        given and making kits reachable day and night.
    unknown
        How kits count whose hours are not known.
    backup
        What a second kit within the standard is worth, 0 to 1, where the first is worth 1.
    fair
        How much more demand in the most deprived tenth of neighbourhoods counts than in the
        least deprived, in even steps between; 1 is alike.
    movable
        References of kits that may be moved; each adds one action to ``new``.
    bag_hours
        OSM hours of a bag at a candidate that has staff; empty if they are not known, and then
        no bag is planned.
    costs
        Of actions.
    seconds
        How long to look for the best choice.
    """

    new: int | None = None
    budget: float | None = None
    share: float | None = None
    objective: Objective = Objective.COVER
    full: Standard | None = None
    actions: Sequence[Action] = ()
    unknown: Unknown = Unknown.CLOSED
    backup: float = 0.0
    fair: float = 1.0
    movable: Sequence[str] = ()
    bag_hours: str = ""
    costs: Costs = field(default_factory=Costs)
    seconds: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises
        ------
        InputError
            A figure is out of range, or two wishes do not go together.
        OpeningHoursError
            The hours of bags are not in OSM syntax.
        """
        hours.check_syntax(self.bag_hours)
        for wrong, msg in self._complaints():
            if wrong:
                raise InputError(msg)

    def _complaints(self) -> Sequence[tuple[bool, str]]:
        given = [wish for wish in (self.new, self.budget, self.share) if wish is not None]
        distances = self.objective in {Objective.MEDIAN, Objective.CENTER}
        return (
            (len(given) != 1, "Say either how many new kits, a budget or a share to reach."),
            (
                self.new is not None and not 0 < self.new <= _MOST_NEW,
                f"Plan 1 to {_MOST_NEW:,} new kits.",
            ),
            (
                self.budget is not None and not 0 < self.budget < float("inf"),
                "A budget is a number of pounds above 0.",
            ),
            (
                self.share is not None and not 0 < self.share <= 1,
                "A share to reach is above 0 and at most 1, such as 0.8.",
            ),
            (
                not 0 <= self.backup <= 1,
                "A second kit is worth 0 (nothing) to 1 (as much as the first).",
            ),
            (
                not 1 <= self.fair <= 100,  # noqa: PLR2004  # said in the sentence
                "With fair share the most deprived count 1 to 100 times as much.",
            ),
            (
                bool(self.movable) and self.new is None,
                "Kits can be moved when a number of new ones is given, not a budget or a share.",
            ),
            (
                Action.NEW_BAG in self.actions and not self.bag_hours,
                "A bag covers only the hours of its host; give them, such as Mo-Sa 08:00-20:00.",
            ),
            (
                (self.objective is Objective.GRADUAL) != (self.full is not None),
                "Gradual cover needs to know within what a kit counts in full, and only it does.",
            ),
            (
                self.share is not None and self.objective is not Objective.COVER,
                "A share can be reached by plain cover only.",
            ),
            (
                self.share is not None and (self.backup > 0 or self.fair > 1),
                "A share to reach counts first kits and everyone alike; leave out backup and fair.",
            ),
            (
                distances
                and (
                    self.new is None
                    or self.backup > 0
                    or bool(self.movable)
                    or any(action is not Action.NEW_CABINET for action in self.actions)
                ),
                (
                    "The mean or the longest distance can be planned for a number of new "
                    "cabinets, without backup and with all kits staying where they are."
                ),
            ),
            (self.seconds <= 0, "Allow the search some time, such as 60 seconds."),
        )

    @property
    def allowed(self) -> tuple[Action, ...]:
        """What may be done."""
        if self.actions:
            return tuple(dict.fromkeys(self.actions))
        if self.budget is None:
            return (Action.NEW_CABINET,)
        bags = (Action.NEW_BAG,) if self.bag_hours else ()
        return (Action.NEW_CABINET, *bags, Action.OPEN_ALWAYS)

    def steps(self, standard: Standard) -> tuple[tuple[float, float], ...]:
        """Give metres and what a kit within them is worth, the nearest first.

        Gradual cover falls from 1 in equal parts of the way between ``full`` and the standard,
        which for times means equal parts of the time.
        """
        if self.full is None:
            return ((standard.metres, 1.0),)
        if not self.full.metres < standard.metres or self.full.walking != standard.walking:
            msg = (
                f"A kit counts in full within {self.full}; that must be nearer than the standard, "
                f"{standard}, and measured the same way."
            )
            raise InputError(msg)
        near, far = self.full.metres, standard.metres
        return tuple(
            (near + (far - near) * step / _STEPS, 1 - step / (_STEPS + 1))
            for step in range(_STEPS + 1)
        )

    @property
    def backups(self) -> tuple[float, ...]:
        """What the first, second ... kit is worth."""
        return (1.0, self.backup) if self.backup else (1.0,)
