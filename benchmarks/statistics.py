"""Whether intervals hold what they say, tests are wrong as often as they say, and how fast.

    python -m benchmarks.statistics [--studies 500] [--deltas 5000] [--nulls 10000]
        [--participants 10000]

Coverage: studies of the size of the papers are drawn from the simulated cohorts, whose effects
are known (`npsle_phantom --cohort`), and go through the group level's own functions; 93 to 97 %
of the 95 % intervals must hold the truth. Cliff's δ: each pair of groups of the first paper is
drawn again as often as `--deltas` says, for 500 studies tell 2 % at best. False positives:
groups of 20, 30 and 30 without any difference; Kruskal-Wallis must be below 0.05 in 4 to 6 % of
them, and so must Dunn's test of one pair; after Bonferroni's adjustment no more than 6 % may
have any pair; `benchmarks.small_groups` has smaller ones.
Size: the statistics of a cohort of 10,000 with 60 measures must take less than 60 s and 2 GB.
"""

import argparse
import resource
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from npsle_app.cli.environment import set_threads

set_threads(1)  # before NumPy is loaded

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy import stats  # noqa: E402

from npsle_app.cohort.estimators.rank_tests import cliffs_delta, dunn, kruskal_wallis  # noqa: E402
from npsle_app.cohort.statistics.analyses import analyse  # noqa: E402
from npsle_app.cohort.statistics.correlations import correlate  # noqa: E402
from npsle_app.cohort.statistics.group_tests import compare_groups, compare_pairs  # noqa: E402
from npsle_app.cohort.statistics.regressions import PRIMARY, regress  # noqa: E402
from npsle_app.cohort.study.assembly import Cohort, assemble  # noqa: E402
from npsle_app.cohort.study.defaults import DEFAULT_STUDY  # noqa: E402
from npsle_app.cohort.study.study import GroupTests  # noqa: E402
from npsle_app.cohort.study.tables import Tables  # noqa: E402
from npsle_app.measures import MEASURES  # noqa: E402
from npsle_app.phantom.cohort.cohort import block_of, simulate_cohort  # noqa: E402

NOMINAL, LOWEST, HIGHEST = 0.95, 0.93, 0.97
MAX_SECONDS, MAX_GB = 60.0, 2.0
GROUP_SIZES = (20, 30, 30)
ALPHA = 0.05
_LEAN = replace(
    DEFAULT_STUDY,
    regressions=replace(DEFAULT_STUDY.regressions, secondary=(), sensitivity=()),
    contrasts=DEFAULT_STUDY.contrasts[:4],
    group_tests=GroupTests(measures=("vw_lumen_area_mm2", "vw_nwi")),
)
Held = dict[str, list[bool]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--deltas", type=int, default=5000)
    parser.add_argument("--nulls", type=int, default=10000)
    parser.add_argument("--participants", type=int, default=10000)
    options = parser.parse_args()
    missed = [
        *report_coverage(measure_coverage(range(options.studies))),
        *report_coverage(draw_deltas(options.deltas)),
        *report_false_positives(draw_nulls(options.nulls)),
        *(report_size(options.participants) if options.participants else ()),
    ]
    print("missed:", "; ".join(missed) or "nothing")
    return 1 if missed else 0


def assemble_simulated(paper: str, *, participants: int, seed: int) -> tuple[Cohort, Any]:
    """Draw a cohort and join it as the group level does."""
    drawn = simulate_cohort(paper, participants=participants, seed=seed)
    measures = pd.DataFrame(drawn.measures).assign(session_id=None)
    tables = Tables(participants=pd.DataFrame(drawn.clinical, dtype=object), measures=measures)
    return assemble(tables, study=_LEAN), drawn.truth


def measure_coverage(seeds: Sequence[int]) -> Held:
    """Say for each interval of each study whether it holds the planted effect."""
    held: Held = defaultdict(list)
    for seed in seeds:
        for name, holds in (*_regressions_hold(seed), *_associations_hold(seed)):
            held[name].append(holds)
    return dict(held)


def _regressions_hold(seed: int) -> Iterator[tuple[str, bool]]:
    cohort, truth = assemble_simulated("paper2", participants=block_of("paper2"), seed=seed)
    table = regress(cohort)
    for row in table[table["model"] == PRIMARY].itertuples():
        name = "ln_wmh" if row.measure == "wmh_ml" else row.measure
        planted = truth["differences"][row.contrast][name]
        for ending in ("", "_hc3"):
            low, high = getattr(row, f"low{ending}"), getattr(row, f"high{ending}")
            label = "B, HC3" if ending else "B, classic"
            yield f"{label}, {row.contrast}, {name}", bool(low <= planted <= high)


def _associations_hold(seed: int) -> Iterator[tuple[str, bool]]:
    cohort, truth = assemble_simulated("paper1", participants=block_of("paper1"), seed=seed)
    table = correlate(cohort)
    for pair in truth["partial_correlations"]:
        found = table[
            (table["measure"] == pair["measure"])
            & (table["clinical"] == pair["clinical"])
            & (table["method"] == "pearson")
        ].iloc[0]
        name = f"partial r, {pair['measure']}, {pair['clinical']}"
        yield name, bool(found["low"] <= pair["r"] <= found["high"])
    overall = compare_groups(cohort)
    for row in compare_pairs(cohort, overall=overall).itertuples():
        planted = planted_delta(truth, row.measure, row.group, row.against)
        name = f"Cliff's δ, {row.measure}, {row.group} v {row.against}"
        yield name, bool(row.delta_low <= planted <= row.delta_high)


def planted_delta(truth: Any, measure: str, group: str, against: str) -> float:
    """Return Cliff's δ of two normal groups of equal spread: 2 Φ(d / √2) − 1."""
    means = truth["group_means"]
    step = means[group][measure] - means[against][measure]
    d = step / truth["standard_deviations_inside_a_group"][measure]
    return float(2 * stats.norm.cdf(d / np.sqrt(2)) - 1)


def draw_deltas(draws: int, *, seed: int = 5) -> Held:
    """Say for each interval of Cliff's δ whether it holds the truth, pair by pair."""
    truth = simulate_cohort("paper1", participants=block_of("paper1"), seed=0).truth
    rng = np.random.default_rng(seed)
    held: Held = defaultdict(list)
    sizes = dict(zip(("HC", "non-NPSLE", "NPSLE"), GROUP_SIZES, strict=True))
    for measure in _LEAN.group_tests.measures:
        for against, group in combinations(sizes, 2):
            planted = planted_delta(truth, measure, group, against)
            step = float(stats.norm.ppf((planted + 1) / 2) * np.sqrt(2))
            for _ in range(draws):
                values = rng.normal(size=sizes[group]) + step
                _, low, high = cliffs_delta(values, against=rng.normal(size=sizes[against]))
                name = f"Cliff's δ alone, {measure}, {group} v {against}"
                held[name].append(bool(low <= planted <= high))
    return dict(held)


def draw_nulls(studies: int, *, seed: int = 1) -> dict[str, float]:
    """Return how often groups without a difference give p < 0.05; half have ties."""
    rng = np.random.default_rng(seed)
    low: Held = defaultdict(list)
    for study in range(studies):
        groups = [rng.normal(size=size) for size in GROUP_SIZES]
        groups = [np.round(values * 2) for values in groups] if study % 2 else groups
        pairs = dunn(dict(zip("abc", groups, strict=True)))
        low["Kruskal-Wallis"].append(kruskal_wallis(groups).p < ALPHA)
        low["Dunn, one pair"].append(bool(pairs["p"].iloc[0] < ALPHA))
        low["Dunn, any pair, Bonferroni"].append(bool((pairs["p_bonferroni"] < ALPHA).any()))
        low["Dunn, any pair, Holm"].append(bool((pairs["p_holm"] < ALPHA).any()))
    return {name: float(np.mean(values)) for name, values in low.items()}


def report_coverage(held: Held) -> Iterator[str]:
    kinds: Held = defaultdict(list)
    for name, values in held.items():
        kinds[name.rsplit(", ", 2)[0]] += values
        print(f"{name:62s} {100 * np.mean(values):5.1f} %  of {len(values)}")
    for name, values in sorted(kinds.items()):
        share = float(np.mean(values))
        print(f"all of {name:55s} {100 * share:5.1f} %  of {len(values)}")
        if not LOWEST <= share <= HIGHEST:
            yield f"{name}: {100 * share:.1f} % of the intervals hold the truth"


def report_false_positives(rates: dict[str, float]) -> Iterator[str]:
    for name, rate in rates.items():
        print(f"{name:62s} {100 * rate:5.2f} %  below {ALPHA}")
        lowest = 0.04 if name in ("Kruskal-Wallis", "Dunn, one pair") else 0.0
        if not lowest <= rate <= 0.06:
            yield f"{name}: {100 * rate:.1f} % below {ALPHA}"


def report_size(participants: int, *, n_measures: int = 60) -> Iterator[str]:
    """Time the statistics of a large cohort, every measure in every analysis."""
    cohort = _large(participants, n_measures)
    names = tuple(name for name in MEASURES if name in cohort.frame)
    study = replace(
        DEFAULT_STUDY,
        group_tests=GroupTests(measures=names),
        correlations=replace(DEFAULT_STUDY.correlations, measures=names),
        regressions=replace(DEFAULT_STUDY.regressions, outcomes=names),
    )
    started = time.process_time()
    analyses = analyse(replace(cohort, study=study), rng=np.random.default_rng(1))
    seconds = time.process_time() - started
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows = {name: len(table) for one in analyses for name, table in one.tables.items()}
    print(f"{participants} participants × {len(names)} measures: {seconds:.1f} s, {peak_gb:.2f} GB")
    print("  rows:", ", ".join(f"{name} {count}" for name, count in rows.items()))
    if seconds > MAX_SECONDS or peak_gb > MAX_GB:
        yield f"{seconds:.0f} s and {peak_gb:.1f} GB for {participants} participants"


def _large(participants: int, n_measures: int) -> Cohort:
    drawn = simulate_cohort("paper2", participants=participants, seed=1)
    measures = pd.DataFrame(drawn.measures)
    rng = np.random.default_rng(2)
    others = [name for name in MEASURES if name not in measures][: n_measures - 8]
    noise = pd.DataFrame(rng.normal(5, 1, (participants, len(others))), columns=others)
    measures = pd.concat([measures, noise], axis=1).assign(session_id=None)
    states = {f"{name}_qc": "pass" for name in measures if name in MEASURES}
    tables = Tables(
        participants=pd.DataFrame(drawn.clinical, dtype=object), measures=measures.assign(**states)
    )
    return assemble(tables, study=DEFAULT_STUDY)


if __name__ == "__main__":
    raise SystemExit(main())
