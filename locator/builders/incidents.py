"""Build what is known of incidents: police records and their hours."""

from pathlib import Path

import numpy as np
import pandas as pd

from locator import demand, tables
from locator.builders.files import Built, Downloads, pick, write_csv
from locator.demand import police
from locator.demand.shares import fit
from locator.errors import DataError


def build_incidents(downloads: Downloads, folder: Path) -> Built:
    """Police records as counts per snapped point, month and category."""
    counted = police.tally(downloads.folder, folder)
    return write_csv(counted.frame, folder, "incidents", *counted.notes)


def build_profile(downloads: Downloads, folder: Path) -> Built:
    """Hours of the week from published shares, of this folder or of one among the downloads."""
    own = downloads.own(tables.sources(folder)["profile_shares"].file, folder)
    if own:
        raw = pd.read_csv(own)
        frame = pick(raw, own, **{name: (name,) for name in ("profile", "period", "share")})
    else:
        frame = tables.table(folder, "profile_shares")
    columns = tables.sources(folder)["profile"].columns
    unknown = sorted(set(frame["profile"]) - set(columns))
    if unknown:
        msg = f"Describe the profiles {unknown} in sources.toml, at [profile.columns]."
        raise DataError(msg)
    hours: dict[str, object] = {"hour": np.arange(demand.HOURS)}
    for name in list(columns)[1:]:
        part = frame[frame["profile"] == name]
        fitted = fit(name, part["period"].tolist(), part["share"].tolist())
        hours[name] = np.char.mod("%.10f", fitted)
    return write_csv(pd.DataFrame(hours), folder, "profile", f"from {len(frame)} published shares")
