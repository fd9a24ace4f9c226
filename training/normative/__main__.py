"""Write the population of FreeSurfer volumes that the app ships.

    python -m training.normative BRAINCHARTS.json VOLUMES.csv [--out REFERENCE.json]

BRAINCHARTS.json holds the coefficients of Rutherford 2022 (doi:10.7554/eLife.72904, GPL-3): of
37 volumes the mean by age, sex and site in a warped space. Sites become a mean and a spread: the
prior of a site that the model has not seen. VOLUMES.csv holds volumes of healthy people of
several sites, by which z of a volume and z of the intracranial volume are related; no row of it
is shipped, only slopes.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.bids.output.writer import write_json
from npsle_app.cohort.normative.population import MAN, WOMAN, Population, PopulationRegion
from npsle_app.cohort.normative.population_json import population_to_plain
from npsle_app.measures.names_of_freesurfer import ETIV, VOLUMES_GIVEN
from npsle_app.resources import DATA

KNOTS = (-5.0, 23.75, 52.5, 81.25, 110.0)
AGES = (2.0, 100.0)
_FARTHEST = 6.0  # of z about its site's median: beyond it a scan cannot be right
_LEAST_OF_SITE = 15
_DIGITS = 12


def main() -> int:
    """Read both files, write the reference, print its slopes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model", type=Path, metavar="BRAINCHARTS.json")
    parser.add_argument("volumes", type=Path, metavar="VOLUMES.csv")
    parser.add_argument("--out", type=Path, default=Path(str(DATA / "reference_freesurfer.json")))
    asked = parser.parse_args()
    model = json.loads(asked.model.read_text(encoding="utf-8"))
    population = make_population(model, volumes=pd.read_csv(asked.volumes))
    write_json(asked.out, population_to_plain(population, licence="GPL-3.0-or-later"))
    for name, region in population.regions.items():
        slopes = ", ".join(f"{sex} {rho:+.2f}" for sex, rho in region.rho.items())
        sys.stdout.write(f"{name:42s} site SD {region.site_sd:.2f}  {slopes}\n")
    sys.stdout.write(f"ln of the spread between sites: SD {population.site_spread_sd:.3f}\n")
    return 0


def make_population(model: dict[str, Any], *, volumes: pd.DataFrame) -> Population:
    """Turn the published coefficients and the slopes found in `volumes` into a population."""
    of_tiv = np.array(list(model["EstimatedTotalIntraCranialVol"]["sites"].values()))
    regions = {
        VOLUMES_GIVEN[given]: _make_region(told, of_tiv=of_tiv) for given, told in model.items()
    }
    bare = Population(
        name="Rutherford 2022",
        citation="rutherford2022",
        software="FreeSurfer",
        versions="5.3 to 7, mixed",
        n=regions["fs_thalamus_left_ml"].n,
        sites=len(of_tiv),
        age_range_years=AGES,
        knots=KNOTS,
        site_spread_sd=0.0,
        regions=regions,
    )
    z = _score(volumes, population=bare)
    spread = _spread_between_sites(z, sites=volumes["site"])
    return replace(fit_slopes(bare, volumes), site_spread_sd=float(f"{spread:.4g}"))


def fit_slopes(population: Population, volumes: pd.DataFrame) -> Population:
    """Return a population whose ρ are those of these people, who may be all or some of a table."""
    z, is_man = _score(volumes, population=population), volumes["sex"].to_numpy() > 0
    regions = {
        name: _with_slopes(region, z.get(name), z_tiv=z[ETIV], is_man=is_man)
        for name, region in population.regions.items()
    }
    return replace(population, regions=regions)


def _make_region(told: dict[str, Any], *, of_tiv: Floats) -> PopulationRegion:
    sites = np.array(list(told["sites"].values()))
    residual_sd = 1 / np.sqrt(told["noise_precision"])
    together = float(np.corrcoef(sites, of_tiv)[0, 1])
    return PopulationRegion(
        n=int(told["n"]),
        intercept=_short(told["intercept"] + sites.mean()),
        age=_short(told["age"]),
        sex=_short(told["sex"]),
        spline=tuple(map(_short, told["spline"])),
        residual_sd=_short(residual_sd),
        warp_b=_short(np.exp(told["warp_log_b"])),
        warp_epsilon=_short(told["warp_epsilon"]),
        site_sd=_short(sites.std(ddof=1) / residual_sd),
        site_with_tiv=float(f"{together:.4g}"),
    )


def _score(volumes: pd.DataFrame, *, population: Population) -> dict[str, pd.Series]:
    """Return z about the median of each site, by measure."""
    design = population.design(
        volumes["age"].to_numpy(dtype=float), is_man=volumes["sex"].to_numpy(dtype=float)
    )
    found = {}
    for given, name in VOLUMES_GIVEN.items():
        if given in volumes:
            volume_ml = volumes[given].to_numpy(dtype=float) / 1000
            z = pd.Series(population.regions[name].to_z(volume_ml, design=design))
            found[name] = z - z.groupby(volumes["site"].to_numpy()).transform("median")
    return found


def _with_slopes(
    region: PopulationRegion, z: pd.Series | None, *, z_tiv: pd.Series, is_man: np.ndarray
) -> PopulationRegion:
    """Add what z rises by per 1 of z of the intracranial volume, within sites.

    Where both have an SD of 1, as in the population, that is their correlation. In these data
    eTIV scatters more, and the correlation would take too much away.
    """
    if z is None or z is z_tiv:
        return region
    usable = (z.abs() < _FARTHEST) & (z_tiv.abs() < _FARTHEST)
    rho = {}
    for sex, rows in ((WOMAN, usable & ~is_man), (MAN, usable & is_man)):
        covariance = np.cov(z[rows], z_tiv[rows])
        rho[sex] = float(f"{covariance[0, 1] / covariance[1, 1]:.4g}")
    return replace(region, rho=rho)


def _spread_between_sites(z: dict[str, pd.Series], *, sites: pd.Series) -> float:
    """Return the SD between sites of ln of the SD within, less what chance adds."""
    variances = []
    for name, values in z.items():
        if name == ETIV:
            continue
        grouped = values.where(values.abs() < _FARTHEST).groupby(sites.to_numpy())
        counts = grouped.count()
        large = counts[counts >= _LEAST_OF_SITE]
        logs = np.log(grouped.std()[large.index])
        variances.append(float(logs.var(ddof=1) - np.mean(1 / (2 * (large - 1)))))
    return float(np.sqrt(max(np.mean(variances), 0.0)))


def _short(value: float) -> float:
    return float(f"{float(value):.{_DIGITS}g}")


if __name__ == "__main__":
    raise SystemExit(main())
