"""Write docs/validation.md: statistics of the group level beside R, and in small groups.

usage: python scripts/make_validation.py [--check]   (--check: only say whether it is up to date)

R's numbers stand in tests/oracles/statistics.tsv, with the command of each; statistics.R there
makes them. The app's come from its own functions, here.
"""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from written import write_or_check

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import small_groups as small  # noqa: E402
from npsle_app.arrays import Floats  # noqa: E402
from npsle_app.cohort.estimators import two_sample  # noqa: E402
from npsle_app.cohort.estimators.adjusted_means import (  # noqa: E402
    AdjustedGroups,
    compare_adjusted,
)
from npsle_app.cohort.estimators.agreement import Agreement, assess_agreement  # noqa: E402
from npsle_app.cohort.estimators.combat import fit_combat  # noqa: E402
from npsle_app.cohort.estimators.cox import fit_cox  # noqa: E402
from npsle_app.cohort.estimators.discrimination import delong, wilson, youden_cut  # noqa: E402
from npsle_app.cohort.estimators.generalised_linear import (  # noqa: E402
    choose_dispersion,
    fit_counts,
    fit_numbers,
    fit_odds,
    hc3_covariance,
    robust_effect,
)
from npsle_app.cohort.estimators.linear_model import LinearFit, fit_linear  # noqa: E402
from npsle_app.cohort.estimators.mixed_model import MixedFit, fit_mixed  # noqa: E402
from npsle_app.cohort.estimators.partial_correlation import partial_correlation  # noqa: E402
from npsle_app.cohort.estimators.power import needed_per_group  # noqa: E402
from npsle_app.cohort.estimators.rank_tests import dunn, kruskal_wallis  # noqa: E402
from npsle_app.cohort.estimators.survival import compare_survival, estimate_survival  # noqa: E402
from npsle_app.cohort.statistics.multiple_testing import control_false_discoveries  # noqa: E402
from tests.oracles import read_oracle, read_people  # noqa: E402

DOCUMENT = ROOT / "docs" / "validation.md"
TITLE = """# Against R

What the group level computes beside what R says of the same people (`tests/oracles`): {version}.
{n} numbers; the greatest relative difference is {worst}.
Where the app takes an estimate by maximum likelihood or REML, both stop at their own last digit.
No number may differ by more than {limit:g}, a p-value that the app draws by more than {drawn:g}.
The file is written by `python scripts/make_validation.py`.
"""
SMALL_GROUPS = (
    "\n## In small groups\n\n"
    "How often p < 0.05 comes of groups that do not differ, and how often 95 % limits hold the "
    "truth, in {draws} studies of each size (`python -m benchmarks.small_groups --write`, kept in "
    "`tests/oracles/small_groups.tsv`).\n"
    "Promised are {false} and {held}; tests of counts that are exact or permuted ({few}) may err "
    "less often, for few people have few p-values.\n"
    "Counts have the mean and dispersion of deviations in healthy people; HC3 is tried where one "
    "group spreads twice as far as the others.\n"
)
_LEAST_DRAWS = 500  # a rate of fewer says little
LIMIT = 3e-4  # two searches for a maximum stop that far apart; closed forms agree to 1e-8
DRAWN = {"Fisher-Freeman-Halton, p": 0.05}  # 9,999 tables
GROUPS, YEARS = ("HC", "non", "NPSLE"), 3.0
_FEW_SAMPLES = 20  # limits are not looked at


@cache
def two() -> pd.DataFrame:
    """Patients alone, `ill` for one side."""
    people = read_people("people")
    table = people[people["group"] != "HC"].reset_index(drop=True)
    return table.assign(
        ill=(table["group"] == "NPSLE").astype(float), male=(table["sex"] == "M").astype(float)
    )


@cache
def everyone() -> pd.DataFrame:
    """All people, sex as a number."""
    people = read_people("people")
    return people.assign(male=(people["sex"] == "M").astype(float))


def columns(table: pd.DataFrame, *names: str) -> Floats:
    """Return columns as an array of numbers."""
    return table[list(names)].to_numpy(dtype=float)


def sides(name: str) -> list[Floats]:
    """Return a variable of either side, the group of interest first."""
    return [columns(two()[two()["ill"] == one], name).ravel() for one in (1, 0)]


@cache
def counted() -> object:
    """Fit the counts of 11 v 12 people, dispersion 1."""
    table = read_people("counts")
    design = np.column_stack([np.ones(len(table)), table["in_group"]]).astype(float)
    offset = np.log(table["assessed"].to_numpy(float))
    return fit_counts(
        table["deviations"].to_numpy(float), design=design, dispersion=1.0, offset=offset
    )


def dispersion() -> float:
    """Choose the dispersion of the same counts."""
    table = read_people("counts")
    design = np.column_stack([np.ones(len(table)), table["in_group"]]).astype(float)
    return choose_dispersion(
        table["deviations"].to_numpy(float),
        design=design,
        offset=np.log(table["assessed"].to_numpy(float)),
    )


def few() -> float:
    """Compare the first 6 with the first 7 people by ranks, exactly."""
    ill, well = sides("alps")
    return two_sample.compare_numbers([ill[:6], well[:7]], symmetric=False, recommended=True).p


def exact() -> float:
    """Compare the lesions, any or none, of the same people."""
    first = pd.concat([two()[two()["ill"] == one].iloc[:n] for one, n in ((1, 6), (0, 7))])
    table = pd.crosstab(first["ill"], first["wmh_status"]).to_numpy()
    return two_sample.compare_counts(table, recommended=True).p


def table_of(name: str) -> np.ndarray:
    """Count the levels of a column on either side."""
    return pd.crosstab(two()["group"], two()[name]).to_numpy()


@cache
def ancova(*, robust: bool) -> AdjustedGroups:
    """Compare the three groups at equal age, sex and body mass index."""
    people = everyone()
    return compare_adjusted(
        columns(people, "alps").ravel(),
        groups=list(people["group"]),
        covariates=columns(people, "age", "male", "bmi"),
        order=["HC", "non", "NPSLE"],
        robust=robust,
    )


def pair(name: str) -> float:
    """Return a number of NPSLE against HC, with equal variances."""
    pairs = ancova(robust=False).pairs.set_index(["against", "group"])
    return float(pairs.loc[("HC", "NPSLE"), name])


def mean(name: str) -> float:
    """Return a number of the adjusted mean of NPSLE."""
    return float(ancova(robust=False).means.set_index("group").loc["NPSLE", name])


@cache
def linear() -> LinearFit:
    """Regress white matter on the contrast."""
    design = columns(two(), "ill", "age", "male", "tiv")
    return fit_linear(columns(two(), "wm").ravel(), design=design)


@cache
def interacting() -> LinearFit:
    """Do the same with the product of contrast and age."""
    table = two().assign(product=two()["ill"] * two()["age"])
    design = columns(table, "product", "ill", "age", "male", "tiv")
    return fit_linear(columns(table, "wm").ravel(), design=design)


def partial(method: str) -> float:
    """Correlate ALPS and LDL with age, sex and body mass index taken away."""
    people = everyone()
    x, y = (columns(people, name).ravel() for name in ("alps", "ldl"))
    others = columns(people, "age", "male", "bmi")
    return partial_correlation(x, y=y, covariates=others, method=method).r


def outcome(name: str, fit: Callable) -> object:
    """Model an outcome on the contrast at equal age and sex."""
    return fit(columns(two(), name).ravel(), design=columns(two(), "ill", "age", "male"))


def robust_numbers() -> float:
    """Return the HC3 standard error of lesion numbers with dispersion 0.7."""
    full = np.column_stack([np.ones(len(two())), columns(two(), "ill", "age", "male")])
    fit = fit_counts(columns(two(), "lesions").ravel(), design=full, dispersion=0.7)
    return float(np.sqrt(hc3_covariance(fit)[1, 1]))


def areas() -> tuple[Floats, Floats]:
    """Return the AUCs of lower ALPS and higher NWI with their covariance."""
    alps, nwi = columns(two(), "alps", "nwi").T
    return delong(-alps, nwi, y=columns(two(), "ill").ravel())


def delong_p() -> float:
    """Compare the two AUCs."""
    from scipy import stats

    value, covariance = areas()
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(2 * stats.norm.sf(abs(value[0] - value[1]) / np.sqrt(variance)))


def at_cut(side: int) -> float:
    """Return sensitivity or specificity of lower ALPS at Youden's cut."""
    scores, y = -columns(two(), "alps").ravel(), columns(two(), "ill").ravel()
    called = scores >= youden_cut(scores, y)
    return float((called if side else ~called)[y == side].mean())


@cache
def over_time(*, slopes: bool) -> MixedFit:
    """Compare the yearly change of ALPS between two groups."""
    visits = read_people("visits").rename(columns={"id": "participant_id"})
    visits["ill"] = (visits["group"] == "NPSLE").astype(float)
    visits["product"] = visits["ill"] * visits["time"]
    visits["male"] = (visits["sex"] == "M").astype(float)
    fixed = ["ill", "time", "product", "age", "male"]
    return fit_mixed(visits, score="alps", fixed=fixed, random_slope=slopes)


def effect(name: str, *, slopes: bool) -> float:
    """Return a number of the product of group and time."""
    effects = over_time(slopes=slopes).effects.set_index("variable")
    return float(effects.loc["product", name])


@cache
def agreement(*readers: str) -> Agreement:
    """Assess readers of ALPS."""
    wide = read_people("readings").pivot_table(index="id", columns="reader", values="alps")
    return assess_agreement(wide[list(readers)].to_numpy())


@cache
def hazards() -> object:
    """Fit Cox regression of the contrast at equal age and sex."""
    return fit_cox(
        columns(two(), "years").ravel(),
        event=two()["event"].to_numpy(dtype=bool),
        design=two()[["ill", "age", "male"]].astype(float),
    )


def log_rank() -> float:
    """Compare the curves of either side."""
    found = compare_survival(
        columns(two(), "years").ravel(),
        event=two()["event"].to_numpy(dtype=bool),
        groups=list(two()["group"]),
    )
    return float(found.chi2)


def without_event(column: str) -> float:
    """Return the share of both sides without the event at 3 years, or a limit of it."""
    found = estimate_survival(
        columns(two(), "years").ravel(), event=two()["event"].to_numpy(dtype=bool)
    )
    return float(found[found["time"] <= YEARS].iloc[-1][column])


def rank_distance() -> float:
    """Return Dunn's z of NPSLE against HC."""
    found = dunn(dict(zip(GROUPS, three("sledai"), strict=True))).set_index(["against", "group"])
    return float(found.loc[("HC", "NPSLE"), "z"])


def drawn() -> float:
    """Draw the p-value of groups by site in women."""
    people = everyone()
    women = people[people["sex"] == "F"]
    table = pd.crosstab(women["group"], women["site"]).to_numpy()
    return two_sample.compare_counts(table, recommended=True).p


@cache
def harmonised() -> Floats:
    """Harmonise four markers over the sites, keeping group, age and sex."""
    people = everyone()
    kept = [people["group"] == name for name in GROUPS[1:]]
    covariates = np.column_stack([*kept, people["age"], people["male"]]).astype(float)
    values = columns(people, "alps", "nwi", "wm", "wmh")
    sites = pd.factorize(people["site"], sort=True)[0]
    fitted = fit_combat(values, sites=sites, covariates=covariates)
    return fitted.apply(values, sites=sites, covariates=covariates)


def mediated() -> float:
    """Return the part of a difference in white matter by way of the wall index."""
    import pingouin

    found = pingouin.mediation_analysis(
        two(), x="ill", m="nwi", y="wm", covar="age", n_boot=_FEW_SAMPLES, seed=1
    )
    return float(found.set_index("path").loc["Indirect", "coef"])


def compare(name: str, *, symmetric: bool, recommended: bool) -> two_sample.Comparison:
    """Compare a variable between the sides."""
    return two_sample.compare_numbers(sides(name), symmetric=symmetric, recommended=recommended)


def three(name: str) -> list[Floats]:
    """Return a variable of each of the three groups."""
    people = everyone()
    return [columns(people[people["group"] == group], name).ravel() for group in GROUPS]


OURS: dict[str, Callable[[], float]] = {
    "rate ratio, dispersion 1": lambda: np.exp(robust_effect(counted(), place=1).estimate),
    "SE of ln rate ratio, dispersion 1, HC3": lambda: robust_effect(counted(), place=1).se,
    "lower limit of the rate ratio, HC3, t": lambda: np.exp(robust_effect(counted(), place=1).low),
    "p of the rate ratio, HC3, t": lambda: robust_effect(counted(), place=1).p,
    "dispersion by maximum likelihood": dispersion,
    "Student's t": lambda: compare("alps", symmetric=True, recommended=False).statistic,
    "Welch's t, p": lambda: compare("alps", symmetric=True, recommended=True).p,
    "Mann-Whitney, p": lambda: compare("sledai", symmetric=False, recommended=False).p,
    "Mann-Whitney of 6 v 7, exact p": few,
    "Pearson's chi-square, p": lambda: (
        two_sample.compare_counts(table_of("sex"), recommended=False).p
    ),
    "Fisher's exact of 6 v 7, p": exact,
    "Fisher-Freeman-Halton, p": drawn,
    "Dunn's z, NPSLE - HC": rank_distance,
    "Kruskal-Wallis, H": lambda: kruskal_wallis(three("sledai")).h,
    "analysis of variance, F": lambda: (
        two_sample.compare_numbers(three("alps"), symmetric=True, recommended=False).statistic
    ),
    "Welch's analysis of variance, F": lambda: (
        two_sample.compare_numbers(three("alps"), symmetric=True, recommended=True).statistic
    ),
    "ANCOVA, F of the group": lambda: ancova(robust=False).f,
    "ANCOVA, p of the group": lambda: ancova(robust=False).p,
    "ANCOVA, partial eta squared": lambda: ancova(robust=False).partial_eta2,
    "ANCOVA, F of the group, HC3": lambda: ancova(robust=True).f_hc3,
    "adjusted mean of NPSLE": lambda: mean("mean"),
    "SE of the adjusted mean of NPSLE": lambda: mean("se"),
    "adjusted NPSLE - HC": lambda: pair("difference"),
    "adjusted NPSLE - HC, p": lambda: pair("p"),
    "adjusted NPSLE - HC, p Holm": lambda: pair("p_holm"),
    "adjusted NPSLE - HC, p Tukey": lambda: pair("p_tukey"),
    "B of the contrast": lambda: linear().estimate,
    "SE of B": lambda: linear().classic.se,
    "SE of B, HC3": lambda: linear().hc3.se,
    "VIF of the contrast": lambda: linear().vif,
    "greatest Cook's distance": lambda: linear().max_cook,
    "Breusch-Pagan, p": lambda: linear().heteroscedasticity_p,
    "interaction of contrast and age": lambda: interacting().estimate,
    "SE of the interaction, HC3": lambda: interacting().hc3.se,
    "partial r (Pearson)": lambda: partial("pearson"),
    "partial r (Spearman)": lambda: partial("spearman"),
    "odds ratio": lambda: outcome("wmh_status", fit_odds).ratio,
    "SE of ln odds ratio": lambda: (
        np.log(outcome("wmh_status", fit_odds).high / outcome("wmh_status", fit_odds).low)
        / (2 * 1.959963984540054)
    ),
    "likelihood ratio of the contrast, p": lambda: outcome("wmh_status", fit_odds).p,
    "ratio of lesion numbers, dispersion by likelihood": lambda: (
        outcome("lesions", fit_numbers).ratio
    ),
    "SE of ln ratio, dispersion 0.7, HC3": robust_numbers,
    "AUC of a marker": lambda: areas()[0][0],
    "DeLong's variance of the AUC": lambda: areas()[1][0, 0],
    "DeLong's test of two AUCs, p": delong_p,
    "cut by Youden's index": lambda: (
        -youden_cut(-columns(two(), "alps").ravel(), columns(two(), "ill").ravel())
    ),
    "sensitivity at the cut": lambda: at_cut(1),
    "specificity at the cut": lambda: at_cut(0),
    "Wilson's lower limit of 14 of 20": lambda: wilson(14, 20).low,
    "group x time": lambda: effect("b", slopes=False),
    "SE of group x time": lambda: effect("se", slopes=False),
    "SD between people": lambda: over_time(slopes=False).person_sd,
    "group x time, random slopes": lambda: effect("b", slopes=True),
    "SE of group x time, random slopes": lambda: effect("se", slopes=True),
    "ICC(2,1)": lambda: agreement("a", "b", "c").icc2[0],
    "ICC(2,1), lower limit": lambda: agreement("a", "b", "c").icc2[1],
    "ICC(3,1)": lambda: agreement("a", "b", "c").icc3[0],
    "ICC(3,1), upper limit": lambda: agreement("a", "b", "c").icc3[2],
    "Bland-Altman, lower limit of agreement": lambda: agreement("a", "b").loa_low,
    "within-subject CV": lambda: agreement("a", "b").cv,
    "log-rank chi-square": log_rank,
    "Kaplan-Meier, share without the event at 3 years": lambda: without_event("survival"),
    "Kaplan-Meier, its lower limit": lambda: without_event("low"),
    "ComBat, first value of the first marker": lambda: harmonised()[0, 0],
    "ComBat, last value of the third marker": lambda: harmonised()[59, 2],
    "mediated effect (a x b)": mediated,
    "people per group for d = 0.5, 80 % power": lambda: needed_per_group(0.5),
    "ln hazard ratio": lambda: hazards().effects["b"].iloc[0],
    "SE of ln hazard ratio": lambda: hazards().effects["se"].iloc[0],
    "concordance": lambda: hazards().concordance,
    "Benjamini-Hochberg, q of the second": lambda: control_false_discoveries(
        np.array([0.001, 0.02, 0.03, 0.5])
    )[1],
}


def compare_all() -> pd.DataFrame:
    """Return name, command, R's value, the app's value and the relative difference of each."""
    oracle = read_oracle()
    rows = oracle[oracle["name"].isin(OURS)]
    ours = [float(OURS[name]()) for name in rows["name"]]
    theirs = rows["value"].to_numpy(dtype=float)
    size = np.maximum(np.abs(theirs), 1e-12)
    return rows.assign(ours=ours, difference=np.abs(np.array(ours) - theirs) / size)


def document() -> str:
    """Return the document: a row for each number."""
    table = compare_all()
    source = (ROOT / "tests/oracles/statistics.tsv").read_text(encoding="utf-8").split("\n")[0]
    lines = [
        "| statistic | R | the app | relative difference | R's command |",
        "|---|---|---|---|---|",
    ]
    for row in table.itertuples():
        command = str(row.command).replace("|", "\\|")
        lines.append(
            f"| {row.name} | {row.value:.7g} | {row.ours:.7g} | {tell(row.difference)} | "
            f"`{command}` |"
        )
    title = TITLE.format(
        version=source.removeprefix("# "),
        n=len(table),
        worst=tell(float(table.loc[~table["name"].isin(DRAWN), "difference"].max())),
        limit=LIMIT,
        drawn=max(DRAWN.values()),
    )
    return title + "\n" + "\n".join(lines) + "\n" + small_groups()


def small_groups() -> str:
    """Return the rates of errors and of coverage, by people per group."""
    kept = pd.read_csv(small.TABLE, sep="\t")
    if missed := list(small.list_missed(kept)):
        msg = f"not as promised: {'; '.join(missed)}"
        raise ValueError(msg)
    sizes = sorted(set(kept["per_group"]))
    lines = [
        f"| statistic | of | {' | '.join(f'{size} per group' for size in sizes)} |",
        f"|---|---|{'---|' * len(sizes)}",
    ]
    for (what, name), rows in kept.groupby(["what", "statistic"], sort=False):
        told = rows.set_index("per_group")["percent"]
        seen = rows.set_index("per_group")["draws"]
        many = [size in seen and seen[size] >= _LEAST_DRAWS for size in sizes]
        cells = [
            f"{told[size]:.1f} %" if known else "–" for size, known in zip(sizes, many, strict=True)
        ]
        lines.append(f"| {name} | {what} | {' | '.join(cells)} |")
    title = SMALL_GROUPS.format(
        draws=kept["draws"].max(),
        false=f"{100 * small.LOWEST_P:g} to {100 * small.HIGHEST_P:g} %",
        held=f"{100 * small.LOWEST:g} to {100 * small.HIGHEST:g} %",
        few=", ".join(small.CONSERVATIVE),
    )
    return title + "\n" + "\n".join(lines) + "\n"


def tell(difference: float) -> str:
    """Write a difference by its power of ten: last digits hang on the processor."""
    if difference < 1e-6:
        return "below 1e-6"
    return f"below 1e{int(np.ceil(np.log10(difference)))}"


def main() -> int:
    """Write the document, or check it."""
    worst = compare_all().set_index("name")["difference"]
    if missed := {n: d for n, d in worst.items() if d > DRAWN.get(str(n), LIMIT)}:
        sys.stderr.write(f"not as R says: {missed}\n")
        return 1
    return write_or_check(DOCUMENT, document())


if __name__ == "__main__":
    sys.exit(main())
