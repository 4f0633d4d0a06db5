"""Let HiGHS solve a model built from arrays, so that Ctrl-C stops it (Huangfu & Hall 2018)."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from locator.solving._kernels import type_flags, type_floats, type_numbers, type_small

# how often to look whether Ctrl-C was pressed
_LOOK_S = 0.05
# HiGHS looks at some times only whether it should stop; nobody waits longer than this
_STOPPING_S = 2.0
# how far HiGHS may be off a constraint or a reduced cost: its smallest
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Maximise ``objective @ x`` where ``lower <= matrix @ x <= upper`` and ``0 <= x <= 1``.

    Attributes
    ----------
    objective, whole
        Shape ``(columns,)`` each; which columns must be 0 or 1.
    start, column, value
        The matrix row by row: row ``i`` has ``value[start[i]:start[i + 1]]`` in ``column``.
    lower, upper
        Shape ``(rows,)``.
    """

    objective: type_floats
    whole: type_flags
    start: type_numbers
    column: type_small
    value: type_floats
    lower: type_floats
    upper: type_floats


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What HiGHS found.

    Attributes
    ----------
    x
        Shape ``(columns,)``; None if it found nothing in time.
    bound
        No ``x`` has a higher objective; infinity if that is not known.
    prices
        Shape ``(rows,)``: dual values of rows, if no column must be whole and it came to an end.
    """

    x: type_floats | None
    bound: float
    prices: type_floats | None


class _Quiet(highspy.Highs):
    """HiGHS without the line about itself that it prints when callbacks are set."""

    def enableCallbacks(self) -> None:  # noqa: N802 - its name in highspy
        self.setOptionValue("output_flag", False)  # noqa: FBT003
        super().enableCallbacks()  # type: ignore[no-untyped-call]


def maximise(
    model: Model,
    seconds: float,
    gap: float,
    *,
    nodes: int | None = None,
    better: Callable[[type_floats], None] | None = None,
) -> Found:
    """Solve a model, in a thread of its own.

    HiGHS gets no choice to begin with: that saves no time here, and 1.16 takes some for better
    than they are.

    Parameters
    ----------
    model
        The model.
    seconds
        After which to stop.
    gap
        Stop when the bound is higher than the best by no greater part.
    nodes
        Of the search tree, after which to stop as well: as many on every machine.
    better
        Called in this thread with each better ``x``.

    Raises
    ------
    KeyboardInterrupt
        As soon as Ctrl-C was pressed; ``better`` was called for all that was found by then.
    """
    highs = _Quiet()  # type: ignore[no-untyped-call]
    for option, setting in (
        ("threads", 1),
        # rows are merged already: it takes longer than it saves
        ("presolve", "off"),
        ("time_limit", max(seconds, 0.0)),
        ("mip_rel_gap", gap),
        ("mip_feasibility_tolerance", _TOLERANCE),
        ("primal_feasibility_tolerance", _TOLERANCE),
        ("dual_feasibility_tolerance", _TOLERANCE),
    ):
        highs.setOptionValue(option, setting)
    if nodes is not None:
        highs.setOptionValue("mip_max_nodes", nodes)
    highs.passModel(as_lp(model))
    found: queue.SimpleQueue[type_floats] = queue.SimpleQueue()
    highs.HandleUserInterrupt = True
    if better is not None:
        highs.cbMipImprovingSolution += lambda event: found.put(
            np.array(event.data_out.mip_solution)
        )
    done = threading.Event()

    def run() -> None:
        try:
            highs.run()
        finally:
            done.set()

    def tell() -> None:
        while better is not None and not found.empty():
            better(found.get())

    threading.Thread(target=run, daemon=True).start()
    try:
        while not done.wait(_LOOK_S):
            tell()
    except KeyboardInterrupt:
        highs.cancelSolve()  # type: ignore[no-untyped-call]
        done.wait(_STOPPING_S)
        raise
    finally:
        tell()
    return _outcome(highs, bool(model.whole.any()))


def as_lp(model: Model) -> Any:
    """Turn a model into one of HiGHS."""
    lp = highspy.HighsLp()
    columns, rows = len(model.objective), len(model.lower)
    lp.num_col_, lp.num_row_ = columns, rows
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_ = model.objective
    lp.col_lower_, lp.col_upper_ = np.zeros(columns), np.ones(columns)
    lp.row_lower_, lp.row_upper_ = model.lower, model.upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.num_col_, lp.a_matrix_.num_row_ = columns, rows
    lp.a_matrix_.start_ = model.start.astype(np.int32)
    lp.a_matrix_.index_ = model.column
    lp.a_matrix_.value_ = model.value
    if model.whole.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[flag] for flag in model.whole.tolist()]
    return lp


def _outcome(highs: Any, whole: bool) -> Found:  # noqa: FBT001
    info, solution = highs.getInfo(), highs.getSolution()
    optimal = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    feasible = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    x = np.array(solution.col_value) if feasible else None
    if whole:
        # an empty search tree leaves no bound but the best itself
        bound = info.mip_dual_bound if np.isfinite(info.mip_dual_bound) else np.inf
        return Found(x, bound, None)
    if not optimal:
        return Found(x, np.inf, None)
    return Found(x, info.objective_function_value, np.array(solution.row_dual))
