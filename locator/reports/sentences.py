"""Say in words what the figures of the planner's report show, and what they do not."""

from collections.abc import Mapping
from typing import Any

from locator.analysis.backtest import (
    DENSEST,
    GREEDY,
    HINDSIGHT,
    OPTIMISED,
    POPULATION,
    RANDOM,
)
from locator.hours import WEEK_H
from locator.maps.plan import called
from locator.reports._words import capital, listed, metres, number, points, pounds, share
from locator.reports.figures import type_figures
from locator.tables import Area

# what is said of gaps and of places in the summary
_FIRST = 3
# an index of concentration nearer to zero than this is called even
_EVEN = 0.01
# chosen in fewer of the resampled plans, a place is one of several as good
_STABLE = 0.8
# a plan that reaches less of the best under another assumption hangs on that assumption
_ROBUST = 0.9


def summary(f: type_figures, says: str, standard: str) -> list[str]:
    """Say the few things that matter, for somebody who reads one page."""
    found = f["coverage"]
    lines = [
        (
            f"On paper {share(found['paper'], 0)} of {number(f['demand']['placed'])} police "
            "records "
            f"of violence, robbery and weapons lie within {standard} of a published kit. Counting "
            "only "
            f"kits known to be open at that hour it is {share(found['known'], 0)}: between "
            f"{share(found['loss_least'], 0)} and {share(found['loss'], 0)} of what seems covered "
            f"is lost {_why_lost(found)}."
        )
    ]
    return lines + _gaps(f) + _confirmed(f) + _planned(f, says) + _tested(f) + _fair(f)


def _why_lost(found: Mapping[str, Any]) -> str:
    if found["loss_is_ignorance"]:
        return "because nobody has written down the hours; none is known to be lost to shut doors"
    return "to closing hours, and to hours that nobody has written down"


def _gaps(f: type_figures) -> list[str]:
    if not f["gaps"]:
        return []
    names = [f"{_place(gap)} ({number(gap['weight'])})" for gap in f["gaps"][:_FIRST]]
    weight = f["beyond"]["weight"] or 1.0
    far, unknown, out = (
        share(f["beyond"][cause] / weight, 0)
        for cause in ("too_far", "not_known", "out_of_service")
    )
    return [
        (
            f"Most records are out of reach in these places: {'; '.join(names)}. Of all that is "
            f"out of reach, {far} is too far from every kit, {out} is near one that is not in "
            f"service, and {unknown} is near one whose "
            "hours are not known."
        )
    ]


def _confirmed(f: type_figures) -> list[str]:
    if not f["opening"] or not f["opening"][0]["opened_adds"]:
        return []
    named = [f"{row['name']} ({number(row['opened_adds'])})" for row in f["opening"][:_FIRST]]
    return [
        (
            f"Ask before buying. {number(f['kits']['out'])} named kits were only planned, agreed "
            "or "
            f"blocked, and of {number(f['kits']['unknown'])} nobody knows the hours. Those that "
            "would "
            f"add most records if they are there day and night: {listed(named)}."
        )
    ]


def _planned(f: type_figures, says: str) -> list[str]:
    if not f["sites"]:
        return ["No candidate place would add anything."]
    plan, first = f["plan"], [_place(site) for site in f["sites"][:_FIRST]]
    return [
        (
            f"{_count(plan['number'], 'well-chosen place')} would bring the share from "
            f"{share(plan['covered_before_share'])} to {share(plan['covered_after_share'])}, "
            f"for about {pounds(plan['cost'])}; first of all {listed(first)}. Of all choices from "
            f"{number(plan['candidates'])} candidate places this one is {says}."
            f"{_promised(f)}"
        )
    ]


def _promised(f: type_figures) -> str:
    many, plan = f["plan"]["promised"], f["plan"]
    if not many:
        return ""
    lie = "lies" if many == 1 else "lie"
    return (
        f" {number(many)} of the {number(plan['number'])} {lie} within "
        f"{metres(f['standard']['metres'])} in a straight line of a kit that is planned, agreed or "
        "obstructed: ask what becomes of it first."
    )


def _place(row: Mapping[str, Any]) -> str:
    named = str(row["name"] or row.get("locality") or "a place without a name")
    named = called(named, str(row.get("kind") or ""))
    if row.get("ward"):
        return f"{named}, {row['ward']} ward"
    town = str(row.get("locality") or "").rpartition(", ")[2]
    return f"{named} in {town}" if town and town not in named else named


def _count(number_of: int, thing: str) -> str:
    return f"{number(number_of)} {thing}{'' if number_of == 1 else 's'}"


def _fair(f: type_figures) -> list[str]:
    index, deciles = f["equity"]["index"]["known"], f["deciles"]
    if index is None or not deciles:
        return []
    most, least = deciles[0], deciles[-1]
    if abs(index) < _EVEN:
        lean = "Coverage is spread evenly over deprived and other neighbourhoods"
    else:
        who = "more" if index < 0 else "less"
        lean = f"Coverage leans towards the {who} deprived neighbourhoods"
    return [
        (
            f"{lean}: {share(most['known'], 0)} in deprivation decile {most['group']}, "
            f"{share(least['known'], 0)} in decile {least['group']} "
            f"(concentration index {_signed(index, 2)})."
        )
    ]


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _tested(f: type_figures) -> list[str]:
    if not f.get("backtest"):
        return []
    start = f["backtest"]["starts"][0]
    best = next(row for row in start["rows"] if row["strategy"] == OPTIMISED)
    others = [row for row in start["rows"] if row["strategy"] in {DENSEST, RANDOM, POPULATION}]
    told = [f"{row['strategy']} {share(row['adds'])}" for row in others]
    return [
        (
            f"Tested on months that the choice had not seen, {f['backtest']['new']} kits chosen "
            "this "
            f"way add {share(best['adds'])} of the later records; chosen otherwise they add: "
            f"{listed(told)}.{''.join(map(_beside_greedy, start['rows']))}"
        )
    ]


def _beside_greedy(row: Mapping[str, Any]) -> str:
    if row["strategy"] != GREEDY or row["gain"] is None:
        return ""
    said = (
        f" Simply taking the best next place each time ({GREEDY}) adds {share(row['adds'])}: the "
        f"lead over it is {points(row['gain'])} points, 95 % interval "
        f"{points(row['gain_low'])} to {points(row['gain_high'])}"
    )
    chance = row["gain_low"] is None or row["gain_low"] <= 0
    return said + (", which may be chance." if chance else ".")


def sure(f: type_figures, area: Area) -> list[tuple[str, str]]:
    """Say how far the summary can be trusted: what, and why."""
    kits = f["kits"]
    lines = [
        (
            "The list of kits is not complete.",
            (
                f"{number(kits['in_service'])} kits count here, those that news and council pages "
                f"name, say to be installed and let us place; {area.charity} speaks of over 200. "
                "The "
                "real gaps may be smaller. Nobody has confirmed these kits to us."
            ),
        ),
        (
            "Hours are mostly not known.",
            (
                f"Of the {number(kits['in_service'])}, {number(kits['always'])} are published as "
                "open "
                f"day and night; of {number(kits['unknown'])} nobody has written down the hours. "
                "They "
                "count only where it says “perhaps”."
            ),
        ),
        (
            "Records are not stabbings.",
            (
                "Police open data gives kinds of crime that are far wider, the month only, and a "
                "point "
                "moved to one of about 3,000 a month. The hour of the week is assumed for "
                f"{share(f['demand']['assumed_share'], 0)} of it."
            ),
        ),
    ]
    if f["sensitivity"] and f["sites"]:
        lines.append(_fragile(f))
    if f["plan"]["resampled"] and f["sites"]:
        steady = sum((site["frequency"] or 0.0) >= _STABLE for site in f["sites"])
        lines.append(
            (
                "Some places have neighbours that are as good.",
                (
                    f"{number(steady)} of {number(f['plan']['number'])} are chosen again in at "
                    "least "
                    f"{share(_STABLE, 0)} of {number(f['plan']['resampled'])} plans made from "
                    "records "
                    "drawn anew."
                ),
            )
        )
    return lines


def _fragile(f: type_figures) -> tuple[str, str]:
    """Say under which assumptions the plan would be another one."""
    changes = sorted(f["sensitivity"], key=lambda row: (row["share"], row["changed"]))
    weak = [row for row in changes if row["share"] < _ROBUST]
    if not weak:
        return (
            "The plan hangs on no single assumption.",
            (
                f"Under each of {number(len(changes))} others it reaches at least "
                f"{share(changes[0]['share'], 0)} of what the best plan for it would."
            ),
        )
    told = [
        f"with {row['changed']} {number(row['kept'])} and {share(row['share'], 0)}"
        for row in weak[:_FIRST]
    ]
    more, rest = weak[_FIRST:], changes[len(weak) :]
    also = f" {_count(len(more), 'more change')} cost over a tenth of the best." if more else ""
    others = (
        f" With {number(len(rest))} others it is at least {share(rest[0]['share'], 0)}."
        if rest
        else ""
    )
    return (
        "Best means best for the assumptions made.",
        (
            f"How many of the {number(f['plan']['number'])} places stay if one is changed, and "
            f"what the plan reaches of the best then: {'; '.join(told)}.{also}{others}"
        ),
    )


def left_out(reasons: Mapping[str, int]) -> str:
    """Say which candidate places were left out, and why; empty if none was."""
    told = [f"{number(count)} {reason}" for reason, count in reasons.items()]
    return f"Candidate places that were left out: {'; '.join(told)}." if told else ""


def plan_lead(f: type_figures, says: str, objective: str) -> str:
    """Introduce the plan."""
    plan = f["plan"]
    people = plan["residents"]
    also = (
        f" {number(people)} residents come within reach of a kit in service, whatever its hours, "
        "for the first time."
        if people
        else ""
    )
    return (
        f"Chosen from {number(plan['candidates'])} candidate places for {objective}, beside the "
        f"kits that are known to be open. Together they add "
        f"{number(plan['after'] - plan['before'])} records to {number(plan['before'])}, "
        f"{number(plan['night'])} of them at night, for about {pounds(plan['cost'])}.{also} "
        f"The choice is {says}: no other reaches more than {number(plan['bound'])}."
    )


def closing_lead(f: type_figures) -> str:
    """Introduce what closing hours cost."""
    found = f["coverage"]
    return (
        f"On paper {share(found['paper'])} is within reach, known to be open "
        f"{share(found['known'])}: a loss of {share(found['loss'])} of what seems covered if every "
        f"kit of unknown hours is shut, and of {share(found['loss_least'])} if each of them is "
        f"open. In Toronto {share(0.215)} of coverage by defibrillators was lost to closing hours "
        "(Sun and others 2016). To ask a host for the hours costs nothing; to make a kit reachable "
        "day and night may cost a cabinet. This is what it would bring, kit by kit, with all "
        "others as they are:"
    )


def worth_lead() -> str:
    """Introduce what each kit is worth."""
    return (
        "Two figures for each kit. What is lost without it counts only what no other kit is near. "
        "Its fair share divides what several kits cover equally among them (the Shapley value), so "
        "that the shares of all kits add up to all that is covered."
    )


def equity_lead(f: type_figures) -> str:
    """Introduce the picture of fairness."""
    index = f["equity"]["index"]
    names = {"known": "known open", "possible": "perhaps open", "paper": "on paper"}
    told = [
        f"{_signed(index[n], 3)} {called}" for n, called in names.items() if index[n] is not None
    ]
    if not told:
        return "Nothing is within reach, so nothing can be said about who has it."
    return (
        "The concentration index runs from −1 to +1; below zero more is covered where people are "
        f"more deprived, above zero where they are less so. It is {listed(told)} "
        "(Kakwani, Wagstaff and van Doorslaer 1997)."
    )


def backtest_says(f: type_figures) -> list[str]:
    """Say how to read the test on later months."""
    found = f["backtest"]
    lines = [
        (
            f"“{capital(OPTIMISED)}” is how the plan here is chosen. “{capital(HINDSIGHT)}” knew "
            "the "
            "month itself, as nobody can: its lead is the price of not knowing the future. Where "
            "an "
            "interval reaches from below to above zero, chance alone could have made the "
            "difference. "
            "Intervals come from drawing the places of the later months again, with all their "
            "records."
        )
    ]
    if found["placed_in_order"]:
        lines.append(
            "The charity’s order is that in which the published kits were put up or reported: "
            f"{number(found['placed_in_order'])} of them could be placed, "
            f"{number(found['without_position'])} could not. Its kits were placed where hosts "
            "agreed, before these records; from nothing, every kit counts as open day and night, "
            "unless it says “at known hours”."
        )
    return lines


def backtest_rows(f: type_figures) -> list[dict[str, Any]]:
    """Write the rows of the test with their intervals."""
    starts = []
    for start in f["backtest"]["starts"]:
        rows = []
        for row in start["rows"]:
            own = row["strategy"] == OPTIMISED
            lead = f"{points(row['gain_low'])} to {points(row['gain_high'])}"
            rows.append(
                row
                | {
                    "strategy": capital(row["strategy"]),
                    "interval": f"{share(row['low'])} to {share(row['high'])}",
                    "lead": "" if own else points(row["gain"]),
                    "lead_interval": "" if own else lead,
                }
            )
        starts.append({"start": start["start"], "rows": rows})
    return starts


def method(f: type_figures, standard: str, profile: str, source: str, travel: str) -> list[str]:
    """Say how the figures come about."""
    near = f"Near means within {standard}, exactly at it included."
    spread = (
        "Every record is spread over the 168 hours of a week. It is covered in an hour if a kit "
        "that counts then is near. Shares are of the weight of all records, each weighing the "
        "same unless it says otherwise."
    )
    gaps = (
        "Gaps: the circle as wide as the standard, around a place where records lie, that holds "
        "most out of reach; then the next among what is left."
    )
    solved = (
        "The plan solves the maximal covering location problem (Church and ReVelle 1974) beside "
        "the kits that are there, with HiGHS or a greedy search with swaps. The bound holds for "
        "every possible choice, so “proven best” and “within … %” are facts about these figures."
    )
    night = (
        f"Night is 22:00 to 06:00; it holds {share(f['demand']['night_share'], 0)} of the records "
        "by the profile."
    )
    hours = "Opening hours are those of the week of this report, with England’s bank holidays."
    used = f"The profile that spreads them is “{profile}”: {source.rstrip('.')}."
    return [near, spread, used, hours, gaps, solved, night, travel]


def unknown(f: type_figures, area: Area) -> list[str]:
    """Say what nobody knows, so that no figure is trusted too far."""
    kits = f["kits"]
    there = (
        f"Whether the kits are there. {number(kits['listed'])} were named on public pages of "
        f"{area.kits_published}; {number(kits['out'])} that can be placed were only planned, "
        "agreed, unconfirmed or cannot be reached, and of "
        f"{number(kits['without_place'])} the place is not known. These count as none."
    )
    rough = (
        f"Exactly where they are: {number(kits['rough'])} of those counted are placed less exactly "
        "than the standard itself."
    )
    when = (
        "At which hour, and exactly where, violence happens: the police give the month and a moved "
        f"point. The profile comes from elsewhere; no open figures for {area.name} were found."
    )
    unseen = (
        "What is never reported to the police, and serious bleeding from other causes: roads, "
        "work, home."
    )
    return [
        there,
        rough,
        "When they can be had, as said above; and whether staff know of the kit.",
        when,
        unseen,
        "Whether a kit that is near is fetched, in time, by somebody who dares to use it.",
        "Whether a host would agree, and what a place looks like on the ground.",
    ]


def hours_tells(f: type_figures) -> str:
    """Describe the chart of hours for those who cannot see it."""
    parts = [f"{row['name']} {share(row['known'])} known open" for row in f["bands"]]
    return f"Over {WEEK_H} hours: {', '.join(parts)}; on paper {share(f['coverage']['paper'])}."


def curve_tells(f: type_figures) -> str:
    """Describe the chart of the curve for those who cannot see it."""
    ends = [f"{row['n']} kits {share(row['share'])}" for row in f["curve"]]
    return f"{share(f['plan']['covered_before_share'])} without any; {', '.join(ends)}."


def sites_tell(f: type_figures) -> str:
    """Describe the map of the plan for those who cannot see it."""
    told = [
        f"{site['rank']} {_place(site)}, {metres(site['nearest_m'])} from the nearest kit"
        for site in f["sites"]
    ]
    return f"Ranked: {'; '.join(told)}."


def gaps_tell(f: type_figures) -> str:
    """Describe the map of gaps for those who cannot see it."""
    told = [f"{gap['rank']} {_place(gap)}, {number(gap['weight'])} records" for gap in f["gaps"]]
    return f"Ranked: {'; '.join(told)}."
