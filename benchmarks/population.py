"""The population of FreeSurfer volumes on sites that it may not have seen, by controls per site.

    python benchmarks/population.py VOLUMES.csv [--draws 10]

The table holds age, sex (0 F, 1 M), site, EstimatedTotalIntraCranialVol and volumes in mm³. Of
each site n = 0, 5 and 20 controls are drawn at random, and all others of sites with three more
are scored: mean, SD and tails (%) of z by age and sex, per volume and per site, then overall; and
how wide the limits of z are. How z given the intracranial volume goes with it is told of people
whose site took no part in ρ: ρ of each site comes from all others. `r` is with z of the
intracranial volume, which ρ is to take away; `r with mL` is with the volume itself, in which men
and women differ, so that a mean z of men other than that of women shows there too (`M - F`).
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from npsle_app.cli.environment import set_threads

set_threads(1)  # before NumPy is loaded

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from npsle_app.cohort.normative.population import Population, given_tiv  # noqa: E402
from npsle_app.cohort.normative.population_json import population_from_plain  # noqa: E402
from npsle_app.cohort.normative.population_scores import (  # noqa: E402
    BY_TIV,
    Scans,
    score_population,
)
from npsle_app.documents import read_json  # noqa: E402
from npsle_app.measures.names_of_freesurfer import ETIV, VOLUMES_GIVEN  # noqa: E402
from npsle_app.resources import DATA  # noqa: E402
from training.normative.__main__ import fit_slopes  # noqa: E402

CONTROLS = (0, 5, 20)
SD, TAIL, CORRELATION = (0.85, 1.15), (1.5, 4.0), 0.05
_MORE = 3  # people of a site beside its controls, or it is not scored


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("volumes", type=Path)
    parser.add_argument("--draws", type=int, default=10)
    asked = parser.parse_args()
    population = population_from_plain(read_json(Path(str(DATA / "reference_freesurfer.json"))))
    people = read_people(asked.volumes)
    rng = np.random.default_rng(1)
    tables = {n: draw(people, population, n, asked.draws, rng) for n in CONTROLS}
    others = fit_without_site(population, pd.read_csv(asked.volumes))
    left_out = {n: score_left_out(tables[n], population, others) for n in CONTROLS}
    for n, table in left_out.items():
        print(f"\nz given the intracranial volume, rho of other sites, {n} controls, by volume")
        print(relate(table, people).round(3).to_string())
    for by in ("region", "site"):
        shown = {n: describe(table.groupby(by)) for n, table in tables.items()}
        print(f"\nz by age and sex, n controls, by {by}")
        print(pd.concat(shown, axis=1).round(2).to_string())
    return report(tables, left_out, people)


def read_people(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    volumes = {VOLUMES_GIVEN[name]: table[name] / 1000 for name in table if name in VOLUMES_GIVEN}
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{row:03d}" for row in table.index],
            "session_id": "",
            "age": table["age"],
            "sex": table["sex"].map({0: "F", 1: "M"}),
            "site": table["site"],
            **volumes,
        }
    )


def draw(
    people: pd.DataFrame, population: Population, n: int, draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    large = people[people.groupby("site")["age"].transform("size") >= n + _MORE]
    own = large.reset_index(drop=True)
    found = []
    for _ in range(draws if n else 1):
        order = pd.Series(rng.permutation(len(own))).groupby(own["site"]).rank()
        controls = (order <= n).to_numpy()
        scans = Scans(frame=own, controls=controls, left_out=[None] * len(own))
        table = score_population(population, scans)
        rest = own.loc[~controls].set_index("participant_id")
        kept = table[table["participant_id"].isin(rest.index)]
        found.append(kept.assign(site=kept["participant_id"].map(rest["site"])))
    return pd.concat(found, ignore_index=True)


def fit_without_site(population: Population, volumes: pd.DataFrame) -> dict[str, Population]:
    """Return a population for each site whose slopes are those of all other sites."""
    return {
        site: fit_slopes(population, volumes[volumes["site"] != site].reset_index(drop=True))
        for site in volumes["site"].unique()
    }


def score_left_out(
    table: pd.DataFrame, population: Population, others: dict[str, Population]
) -> pd.DataFrame:
    """Condition each site's z by the slopes of the others; z of the population stays."""
    z_tiv = table[table["region"] == ETIV]["z"].to_numpy()
    parts = []
    for region in population.conditioned:
        own = table[table["region"] == region].assign(z_tiv=z_tiv)
        is_man = own["sex"].eq("M").to_numpy(dtype=float)
        rho = np.full(len(own), np.nan)
        for site, fitted in others.items():
            here = own["site"].eq(site).to_numpy()
            rho[here] = fitted.rho(region, is_man=is_man[here])
        z = given_tiv(own["z_age_sex"].to_numpy(), z_tiv=z_tiv, rho=rho)
        parts.append(own.assign(z=z))
    return pd.concat(parts, ignore_index=True)


def relate(table: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Say how z given the intracranial volume goes with it within sites, by volume."""
    tiv_ml = people.set_index("participant_id")[ETIV]
    table = table.assign(tiv_ml=table["participant_id"].map(tiv_ml))
    rows = {}
    for region, own in table.groupby("region"):
        centred = {
            name: own[name] - own.groupby("site")[name].transform("mean")
            for name in ("z", "z_tiv", "tiv_ml")
        }
        mean = own.groupby("sex")["z"].mean()
        rows[region] = {
            "r": np.corrcoef(centred["z"], centred["z_tiv"])[0, 1],
            "r with mL": np.corrcoef(centred["z"], centred["tiv_ml"])[0, 1],
            "M - F": mean["M"] - mean["F"],
            "SD": own["z"].std(),
        }
    return pd.DataFrame(rows).T


def describe(grouped: "pd.api.typing.DataFrameGroupBy") -> pd.DataFrame:
    z = grouped["z_age_sex"]
    return pd.DataFrame(
        {
            "mean": z.mean(),
            "SD": z.std(),
            "low": 100 * z.apply(lambda own: (own < -1.96).mean()),
            "high": 100 * z.apply(lambda own: (own > 1.96).mean()),
        }
    )


def report(
    tables: dict[int, pd.DataFrame], left_out: dict[int, pd.DataFrame], people: pd.DataFrame
) -> int:
    missed = []
    tiv = people.set_index("participant_id")[ETIV]
    print()
    for n, table in tables.items():
        z, given = table["z_age_sex"], table[table["given"] == BY_TIV]
        low, high = 100 * (z < -1.96).mean(), 100 * (z > 1.96).mean()
        together = np.corrcoef(given["z"], given["participant_id"].map(tiv))[0, 1]
        related = relate(left_out[n], people)
        width = (given["z_high"] - given["z_low"]).groupby(given["region"]).median() / 2
        print(
            f"{n} controls: z {z.mean():+.2f} ± {z.std():.2f}, tails {low:.1f} and {high:.1f} %; "
            f"given TIV: {given['z'].mean():+.2f} ± {given['z'].std():.2f}, r with TIV "
            f"{together:+.3f}; limits ± {width.median():.2f}, thalamus "
            f"± {width['fs_thalamus_left_ml']:.2f}"
        )
        print(
            f"{n} controls, rho of other sites, within sites: r {related['r'].mean():+.3f}, at "
            f"most {related['r'].abs().max():.3f} ({related['r'].abs().idxmax()})"
        )
        if n == max(tables):
            missed += [] if SD[0] <= z.std() <= SD[1] else [f"SD {z.std():.2f}"]
            missed += [
                f"tail {tail:.1f} %" for tail in (low, high) if not TAIL[0] <= tail <= TAIL[1]
            ]
            missed += [f"r with TIV {together:+.3f}"] if abs(together) > CORRELATION else []
    for text in missed:
        print(f"MISSED: {text}")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
