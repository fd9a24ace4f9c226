"""Normative modelling: calibration by age and sex, by site on real volumes, and time.

    python benchmarks/normative.py [--people 5000] [--regions 40] [--table VOLUMES.csv]

Volumes of healthy people are drawn from a known curve and spread; the true chance to fall
beyond ±1.96 is printed for each decile of age and each sex (2.5 % is right). The table of real
volumes holds age, sex (0 F, 1 M), site, EstimatedTotalIntraCranialVol and volumes in mm³;
its people are scored by models without them, as the paper did and as is recommended.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from npsle_app.cli.environment import set_threads

set_threads(1)  # before NumPy is loaded

import pandas as pd  # noqa: E402

from npsle_app.cohort.normative.model import PAPER, RECOMMENDED, Method  # noqa: E402
from npsle_app.cohort.normative.reference import fit_reference  # noqa: E402
from npsle_app.cohort.normative.scores import score  # noqa: E402
from tests.cohort.healthy_people import OWN, make_people, tail_probabilities  # noqa: E402

MAX_SECONDS, TAIL, TOLERANCE = 60.0, 0.025, 0.004
SITE_LIMITS, OVERALL_LIMITS = (0.01, 0.045), (0.02, 0.03)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--regions", type=int, default=40)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    missed = run_speed() + run_simulation(options.people, options.regions)
    if options.table:
        missed += run_real(options.table)
    for text in missed:
        print(f"MISSED: {text}")
    return int(bool(missed))


def run_speed() -> list[str]:
    people = make_people(1000, regions=100, sites=4, site_sd_ml=0.2)
    names = tuple(name for name in people if name.startswith("region_"))
    clock, processor = time.perf_counter(), time.process_time()
    found = fit_reference(people, regions=names, unit="mL", provenance=OWN)
    score(found.model, people)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    print(f"1,000 people × 100 regions: {clock:.1f} s, {processor:.1f} s of one processor")
    return [f"{processor:.0f} s of a processor"] if processor > MAX_SECONDS else []


def run_simulation(people: int, regions: int) -> list[str]:
    table = make_people(people, regions=regions)
    names = tuple(name for name in table if name.startswith("region_"))
    found = fit_reference(table, regions=names, unit="mL", provenance=OWN)
    z = found.held_out["z"]
    chances = pd.concat([tail_probabilities(found.model, table, region=name) for name in names])
    decile = pd.qcut(chances["age"], 10)
    tails = chances.groupby([decile, "sex"], observed=True)[["low", "high"]].mean()
    print(f"\n{people} people, {regions} regions: Z {z.mean():+.4f} ± {z.std():.4f}")
    print((100 * tails).round(2).to_string())
    worst = float((tails - TAIL).abs().max().max())
    return [f"a tail is off by {100 * worst:.2f} %"] if worst > TOLERANCE else []


def run_real(path: Path) -> list[str]:
    table = pd.read_csv(path)
    regions = tuple(name for name in table if name.startswith(("Left-", "Right-")))
    people = table.assign(
        participant_id=[f"sub-{row:03d}" for row in range(len(table))],
        sex=table["sex"].map({0: "F", 1: "M"}),
        tiv_ml=table["EstimatedTotalIntraCranialVol"] / 1000,
        tbv_ml=table["BrainSegVol"] / 1000,
    )
    print("\nas published")
    show_sites(people, regions=regions, method=PAPER)
    print("\nrecommended")
    sites = show_sites(people, regions=regions, method=RECOMMENDED)
    missed = []
    for tail in ("lower", "upper"):
        if not OVERALL_LIMITS[0] <= sites.loc["all", tail] <= OVERALL_LIMITS[1]:
            missed.append(f"{tail} tail overall {100 * sites.loc['all', tail]:.2f} %")
        missed += [
            f"{tail} tail of {name} {100 * rate:.2f} %"
            for name, rate in sites.drop(index="all")[tail].items()
            if not SITE_LIMITS[0] <= rate <= SITE_LIMITS[1]
        ]
    return missed


def show_sites(people: pd.DataFrame, *, regions: tuple[str, ...], method: Method) -> pd.DataFrame:
    found = fit_reference(
        people,
        regions=regions,
        unit="mm³",
        provenance=OWN,
        method=method,
        leave_outliers_out=method != PAPER,
    )
    z = found.held_out.pivot_table(index="participant_id", columns="region", values="z")
    site = people.set_index("participant_id")["site"].loc[z.index]
    each = pd.DataFrame(
        {
            "n": 1.0,
            "lower": (z < -1.96).mean(axis=1),
            "upper": (z > 1.96).mean(axis=1),
            "mean": z.mean(axis=1),
        }
    )
    sites = each.groupby(site).agg({"n": "sum", "lower": "mean", "upper": "mean", "mean": "mean"})
    sites.loc["all"] = [len(each), *each[["lower", "upper", "mean"]].mean()]
    print(sites.round(4).to_string())
    print(f"{len(found.model.left_out)} scans left out before fitting")
    return sites


if __name__ == "__main__":
    raise SystemExit(main())
