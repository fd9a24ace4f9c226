"""What other software says of the same people; `r_says` reads it.

`statistics.R` writes `statistics.tsv`: a row per statistic, with the command that gave it.
"""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent


def read_people(name: str) -> pd.DataFrame:
    """Read one of the tables that R read."""
    return pd.read_csv(FOLDER / f"{name}.csv")


def read_oracle() -> pd.DataFrame:
    """Read R's numbers: `name`, `value`, `command`."""
    return pd.read_csv(FOLDER / "statistics.tsv", sep="\t", comment="#", quoting=3)


def r_says(name: str) -> float:
    """Return one of R's numbers."""
    return float(read_oracle().set_index("name")["value"].loc[name])
