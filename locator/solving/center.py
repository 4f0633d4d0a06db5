"""Choose sites so that no demand is far from them: the p-center problem.

Hakimi (1964), doi 10.1287/opre.12.3.450. The answer is one of the distances that are listed,
so it is searched for among them (Minieka 1970, doi 10.1137/1012016): can so many sites be
within this distance of every row? Each such question is a p-median problem in which being
farther costs 1, and a set covering problem (Toregas et al. 1971, doi 10.1287/opre.19.6.1363).
"""

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from locator.solving import _highs
from locator.solving._kernels import AVAILABLE, type_flags, type_numbers
from locator.solving.distances import Assigned, Distances
from locator.solving.median import Search

# How long a question is searched for an answer before HiGHS is asked, which may take this share
# of the time that is left: after that the question is left open.
_SEARCH_S = 1.0
_SHARE = 0.5
# rows that are compared with all others at a time
_BATCH = 64


def p_center(
    distances: Distances,
    number: int,
    *,
    fixed: npt.ArrayLike = (),
    seconds: float = 60.0,
    progress: Callable[[Assigned], None] | None = None,
    compiled: bool = AVAILABLE,
) -> Assigned:
    """Choose sites so that the greatest distance from any row to the nearest is least.

    Rows without weight do not count, nor do rows that no site is near: these are
    ``unreachable``. A row that is near some sites, none of which is chosen, is as far as its
    limit.

    Parameters
    ----------
    distances
        Rows with sites near them.
    number
        How many new sites there may be, at least 0.
    fixed
        Numbers of sites that are there already.
    seconds
        After which the best so far is given, with its bound.
    progress
        Called with each better choice, and with the bound when it has risen.
    compiled
        Whether compiled kernels search, or NumPy, which is slower and does the same.

    Returns
    -------
    assigned
        ``cost`` and ``bound`` are metres; ``chosen`` is in the order of numbers. Ctrl-C
        (``KeyboardInterrupt``) gives the best so far with its bound.

    Raises
    ------
    ValueError
        There is no such fixed site, or the number is negative.
    """
    if number < 0:
        msg = f"The number of sites is {number}, but must be at least 0."
        raise ValueError(msg)
    search = _Thresholds(distances, distances.numbers(fixed), number, seconds, compiled=compiled)
    if progress is not None:
        search.tell = lambda: progress(search.assigned())
    try:
        search.run()
    except KeyboardInterrupt:
        search.interrupted = True
    return search.assigned()


class _Thresholds:
    """The best choice so far, and which distances are too short for any."""

    def __init__(
        self,
        distances: Distances,
        fixed: type_numbers,
        number: int,
        seconds: float,
        *,
        compiled: bool,
    ) -> None:
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._distances, self._fixed, self._number = distances, fixed, number
        self._compiled = compiled
        self._counts: type_flags = distances.weight > 0
        self._counts[distances.unreachable] = False
        self._given = distances.nearest(fixed)[1]
        self._row = distances.row
        # what rows are from the nearest site of all, and what they are now
        lowest = np.zeros(distances.rows)
        lowest[self._counts] = distances.metres[distances.first[:-1][self._counts]]
        given = self._given[self._counts]
        possible = distances.metres[self._counts[self._row]]
        values = np.unique(np.concatenate([[0.0], possible, given]))
        least = float(lowest.max(initial=0.0))
        most = float(given.max(initial=0.0))
        self._values = values[(values >= least) & (values <= most)]
        self._low = 0
        self.chosen: type_numbers = np.empty(0, np.int64)
        self.cost = most
        self.interrupted = False
        self.tell: Callable[[], object] = lambda: None

    def assigned(self) -> Assigned:
        """Give the best choice so far with its bound."""
        every = np.concatenate([self._fixed, self.chosen])
        return Assigned(
            chosen=self.chosen,
            cost=self.cost,
            bound=float(min(self._values[self._low], self.cost)),
            site_of=self._distances.nearest(every)[0],
            unreachable=self._distances.unreachable,
            method="search for the shortest distance that so many sites can keep",
            seconds=time.monotonic() - self._began,
            interrupted=self.interrupted,
        )

    def run(self) -> None:
        """Search until no choice can cost less, or time is up."""
        # good choices come fast; what is left open for proofs is then little
        low = self._low
        while low < self._high and not self._late:
            middle = (low + self._high) // 2
            if not self._ask(middle, prove=False):
                low = middle + 1
        # The choice is likely to be the best: the next shorter distance is asked about first,
        # then ever shorter ones. What was left open bounds later questions.
        limit, step = self._high, 1
        while self._low < min(limit, self._high) and not self._late:
            limit = min(limit, self._high)
            at = max(limit - step, self._low)
            answer = self._ask(at, prove=True)
            if answer:
                step *= 2
            elif answer is None:
                limit = at
                step = (limit - self._low + 1) // 2
            else:
                self._low = at + 1
                step = (limit - self._low + 1) // 2
                self.tell()

    @property
    def _late(self) -> bool:
        return time.monotonic() > self._until

    @property
    def _high(self) -> int:
        return int(np.searchsorted(self._values, self.cost))

    def _ask(self, at: int, *, prove: bool) -> bool | None:
        """Ask whether so many sites can be within a distance of all rows; None if not known."""
        metres = self._values[at]
        far = self._counts & (self._given > metres)
        near = far[self._row] & (self._distances.metres <= metres)
        covers = _hardest(
            csr_array(
                (
                    np.ones(np.count_nonzero(near), np.int32),
                    ((np.cumsum(far) - 1)[self._row[near]], self._distances.site[near]),
                ),
                shape=(np.count_nonzero(far), self._distances.sites),
            )
        )
        chosen, possible = self._leave_none_out(covers, prove=prove)
        if chosen is None and possible and prove:
            chosen, possible = self._fewest(covers)
        if chosen is not None:
            self._offer(chosen)
            return True
        return None if possible else False

    def _leave_none_out(
        self, covers: csr_array, *, prove: bool
    ) -> tuple[type_numbers | None, bool]:
        """Search a choice that leaves no row out, or prove that there is none."""
        rows, sites = covers.shape
        row, site = covers.nonzero()
        distances = Distances.of_pairs(
            row, site, np.zeros(covers.nnz), rows=rows, sites=sites, limit=1.0
        )
        seconds = min(_SEARCH_S, self._until - time.monotonic())
        search = Search(distances, self._fixed[:0], self._number, seconds, compiled=self._compiled)
        search.target = 0.5
        search.run(0.0, prove=prove)
        found = search.cost < search.target
        return search.chosen if found else None, search.bound < search.target

    def _fewest(self, covers: csr_array) -> tuple[type_numbers | None, bool]:
        """Let HiGHS find how few sites leave no row out."""
        rows, sites = covers.shape
        model = _highs.Model(
            objective=-np.ones(sites),
            whole=np.ones(sites, bool),
            start=covers.indptr.astype(np.int64),
            column=covers.indices.astype(np.int32),
            value=covers.data.astype(np.float64),
            lower=np.ones(rows),
            upper=np.full(rows, np.inf),
        )
        found = _highs.maximise(model, (self._until - time.monotonic()) * _SHARE, 0.0)
        if found.x is not None and found.x.sum() < self._number + 0.5:
            return np.flatnonzero(found.x > 0.5), True  # noqa: PLR2004 - rounded
        return None, bool(found.bound >= -self._number - 0.5)

    def _offer(self, chosen: type_numbers) -> None:
        every = np.concatenate([self._fixed, chosen])
        cost = float(self._distances.nearest(every)[1][self._counts].max(initial=0.0))
        if cost < self.cost:
            self.chosen, self.cost = np.sort(chosen), cost
            self.tell()


def _hardest(covers: csr_array) -> csr_array:
    """Leave out rows that are covered whenever another one is.

    Parameters
    ----------
    covers
        Ones where a site covers a row, shape ``(rows, sites)``.
    """
    sizes = np.diff(covers.indptr)
    covers = covers[np.argsort(sizes, kind="stable")]
    begin = 0
    while begin < covers.shape[0]:
        # rows with the fewest sites imply most others
        few = covers[begin : begin + _BATCH]
        shared = (covers[begin:] @ few.T).tocoo()
        implied = shared.data == np.diff(few.indptr)[shared.col]
        implied &= shared.row > shared.col
        kept = np.ones(covers.shape[0], bool)
        kept[begin + shared.row[implied]] = False
        begin += int(kept[begin : begin + _BATCH].sum())
        covers = covers[np.flatnonzero(kept)]
    return covers
