"""How often tests err and limits hold the truth where groups are small.

    python -m benchmarks.small_groups [--draws 2000] [--write]

Studies of 12, 20 and 60 people per group. Of those without a difference 3.5 to 6.5 % may have
p < 0.05 (tests of counts that are exact or permuted have fewer: few people have few p-values);
93 to 97 % of the 95 % limits must hold the truth. `--write` keeps the rates in
tests/oracles/small_groups.tsv, from where `scripts/make_validation.py` takes them.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from npsle_app.cli.environment import set_threads

set_threads(1)  # before NumPy is loaded

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from npsle_app.cohort.deviations.counts import CountComparison, compare_counts  # noqa: E402
from npsle_app.cohort.estimators import two_sample  # noqa: E402
from npsle_app.cohort.estimators.adjusted_means import compare_adjusted  # noqa: E402
from npsle_app.cohort.estimators.rank_tests import cliffs_delta, kruskal_wallis  # noqa: E402

TABLE = Path(__file__).parents[1] / "tests" / "oracles" / "small_groups.tsv"
SIZES = (12, 20, 60)
ALPHA, LOWEST_P, HIGHEST_P = 0.05, 0.035, 0.065
LOWEST, HIGHEST = 0.93, 0.97
FALSE, HELD = "p < 0.05 without a difference", "95 % limits hold the truth"
FISHER, CHI2, PERMUTED = "Fisher's exact test", "Pearson's χ²", "ratio of counts, permuted"
CONSERVATIVE = (FISHER, CHI2, PERMUTED)
CONTROLS, PATIENTS = 1.67, 4.51  # deviations per head, Korbmacher 2026
_PERMUTATIONS = 999
Kept = dict[tuple[str, str], list[bool]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for size in SIZES:
        for (what, name), kept in draw_studies(size, options.draws).items():
            percent = 100 * float(np.mean(kept))
            rows.append(
                {"what": what, "statistic": name, "per_group": size, "draws": len(kept)}
                | {"percent": round(percent, 2)}
            )
            print(f"{size:3d} per group, {name:52s} {what:32s} {percent:5.2f} %", flush=True)
    table = pd.DataFrame(rows)
    if options.write:
        table.to_csv(TABLE, sep="\t", index=False, lineterminator="\n")
    missed = list(list_missed(table))
    print("missed:", "; ".join(missed) or "nothing")
    return 1 if missed else 0


def list_missed(table: pd.DataFrame) -> Iterator[str]:
    """Name the rates that are not within what is promised."""
    for row in table.itertuples():
        low, high = (LOWEST_P, HIGHEST_P) if row.what == FALSE else (LOWEST, HIGHEST)
        low = 0.0 if row.statistic in CONSERVATIVE else low
        if not low <= float(row.percent) / 100 <= high:
            yield f"{row.statistic}, {row.per_group} per group: {row.percent} %"


def draw_studies(size: int, draws: int, *, seed: int = 3) -> Kept:
    """Say of each study whether p < 0.05 and whether limits hold the truth, by statistic."""
    rng = np.random.default_rng([seed, size])
    kept: Kept = defaultdict(list)
    for _ in range(draws):
        for what, name, yes in (
            *_draw_counts(rng, size),
            *_draw_means(rng, size),
            *_draw_ranks(rng, size),
            *_draw_shares(rng, size),
        ):
            kept[what, name].append(bool(yes))
    return dict(kept)


_Draw = Iterator[tuple[str, str, bool]]


def _draw_counts(rng: np.random.Generator, size: int) -> _Draw:
    """Draw deviations of dispersion 1."""
    null = _compare_drawn_counts(rng, size, CONTROLS, permutations=_PERMUTATIONS)
    true = _compare_drawn_counts(rng, size, PATIENTS, permutations=0)
    yield FALSE, "ratio of counts, HC3 by t", null.p < ALPHA
    yield FALSE, PERMUTED, null.permutation_p < ALPHA
    yield HELD, "ratio of counts of 1", null.low <= 1 <= null.high
    yield HELD, "ratio of counts of 2.7", true.low <= PATIENTS / CONTROLS <= true.high


def _compare_drawn_counts(
    rng: np.random.Generator, size: int, mean: float, *, permutations: int
) -> CountComparison:
    drawn = [rng.negative_binomial(1, 1 / (1 + one), size) for one in (mean, CONTROLS)]
    counts = pd.DataFrame({"n_deviations": np.concatenate(drawn).astype(float)})
    counts = counts.assign(n_assessed=82, n_expected=2.05)
    in_group = np.arange(2 * size) < size
    return compare_counts(counts, in_group=in_group, permutations=permutations)


def _draw_means(rng: np.random.Generator, size: int) -> _Draw:
    """Draw three groups whose outcome hangs on age; group c spreads twice as far for HC3."""
    age = rng.normal(45, 12, 3 * size)
    noise = rng.normal(size=3 * size)
    for robust, name in ((False, "equal variances"), (True, "HC3, unequal variances")):
        spread = np.repeat([1, 1, 2 if robust else 1], size)
        found = compare_adjusted(
            noise * spread - 0.02 * age,
            groups=np.repeat(["a", "b", "c"], size).tolist(),
            covariates=age[:, None],
            order=["a", "b", "c"],
            robust=robust,
        )
        pair = found.pairs.iloc[1]
        p = found.p_hc3 if robust else found.p
        yield FALSE, f"analysis of covariance, {name}", p < ALPHA
        yield HELD, f"adjusted difference, {name}", pair.low <= 0 <= pair.high


def _draw_ranks(rng: np.random.Generator, size: int) -> _Draw:
    """Draw skewed values, and for Cliff's δ a shift of one SD (δ = 0.52)."""
    one, other, third = rng.normal(size=(3, size))
    pair = [np.exp(one), np.exp(other)]
    yield FALSE, "Mann-Whitney", _test(pair, symmetric=False).p < ALPHA
    few = [values[: max(size // 2, 6)] for values in pair]
    if min(map(len, few)) < two_sample.FEW:
        yield FALSE, "Mann-Whitney of half as many, exact", _test(few, symmetric=False).p < ALPHA
    yield FALSE, "Welch's t", _test([one, 2 * other], symmetric=True).p < ALPHA
    yield FALSE, "Kruskal-Wallis", kruskal_wallis([one, other, third]).p < ALPHA
    _, low, high = cliffs_delta(one + 1, against=other)
    yield HELD, "Cliff's δ of 0.52", low <= 0.5205 <= high


def _test(samples: list[np.ndarray], *, symmetric: bool) -> two_sample.Comparison:
    return two_sample.compare_numbers(samples, symmetric=symmetric, recommended=True)


def _draw_shares(rng: np.random.Generator, size: int) -> _Draw:
    """Draw yes or no of 20 %, where an expected count lies below 5 at 12 and 20 per group."""
    yes = rng.binomial(size, 0.2, 2)
    table = np.column_stack([size - yes, yes])
    if not yes.any():
        yield FALSE, FISHER, False
        return
    found = two_sample.compare_counts(table, recommended=True)
    yield FALSE, CHI2 if found.name == "Pearson χ²" else FISHER, found.p < ALPHA


if __name__ == "__main__":
    raise SystemExit(main())
