"""Deviations of FreeSurfer volumes from a population, or from the study's own controls."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from npsle_app.cohort.deviations.analyses import (
    DeviationStudy,
    Effort,
    analyse_deviations,
    model_study,
)
from npsle_app.cohort.deviations.deviations import count_in_visits
from npsle_app.cohort.deviations.statements import tell_gaps
from npsle_app.cohort.normative.model import Provenance, Tail
from npsle_app.cohort.normative.population import Population
from npsle_app.cohort.normative.population_scores import (
    BEYOND,
    POPULATION_COLUMNS,
    SHARE_HIGH,
    SHARE_LOW,
    TRACE_COLUMNS,
    Scans,
    describe_sites,
    score_population,
)
from npsle_app.cohort.normative.population_sites import LEAST_FOR_SPREAD, LEAST_FOR_TERM
from npsle_app.cohort.statistics.analyses import Analysis
from npsle_app.cohort.statistics.statements import Statement
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.measures import SOFTWARE
from npsle_app.cohort.study.normative_question import ask_of_imported, say_region
from npsle_app.cohort.study.populations import members
from npsle_app.cohort.study.visits import (
    IS_BASELINE,
    SCAN,
    index_scans,
    list_visits,
    none_if_blank,
    site_column,
)
from npsle_app.measures.names_of_freesurfer import ETIV, PREFIX

_MOST_NAMED = 6
_TITLE = "FreeSurfer volumes"
_NOT_OF_PAPER = (
    "of the paper's 82 regions the 68 of the cortex have no population here and 14 are counted: "
    "--normative-reference own counts all"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationStudy(DeviationStudy):
    """What deviations from a population mean, and how it fits the controls of each site.

    `sites` is as `describe_sites` gives it; `traced` are the scores with `TRACE_COLUMNS`, from
    which curves of `population` are drawn.
    """

    sites: pd.DataFrame
    traced: pd.DataFrame
    population: Population


def has_imported_volumes(cohort: Cohort) -> bool:
    """Tell whether anyone's volumes were imported."""
    measures = cohort.tables.measures
    return any(str(name).startswith(PREFIX) and measures[name].notna().any() for name in measures)


def model_population(
    cohort: Cohort,
    *,
    population: Population,
    tail: Tail = "lower",
    effort: Effort | None = None,
) -> PopulationStudy:
    """Score imported volumes by a population, and say what deviations mean in the study.

    Groups are compared by all z beyond the cut: what is not known of a scanner moves both sides
    of a site alike. Single scores are called critical where their interval allows.

    Raises
    ------
    ValueError
        If no volume was imported that the population has.
    """
    paper, known = cohort.study.mode == "paper", population.conditioned
    question = ask_of_imported(cohort.study.normative, paper=paper, known=known)
    study = replace(cohort.study, normative=question)
    asked = replace(cohort, study=study)
    visits = list_visits(asked)
    scans, notes = _take_scans(visits, cohort=asked, population=population)
    scores = score_population(population, scans, tail=tail)
    sites = describe_sites(population, scans)
    counted = scores.assign(critical=scores[BEYOND])
    found = count_in_visits(
        visits, counted, shares=_share_of_visits(visits, counted, asked), cohort=asked, tail=tail
    )
    analyses = (
        _state_population(population, sites, tail=tail, counted=len(question.counted_regions)),
        *analyse_deviations(found, effort=effort or Effort()),
    )
    told = scores.assign(session_id=none_if_blank(scores["session_id"]))
    return PopulationStudy(
        found=found,
        scores=told[POPULATION_COLUMNS],
        traced=told[[*POPULATION_COLUMNS, *TRACE_COLUMNS]],
        population=population,
        analyses=tuple(map(entitle, analyses)),
        warnings=(
            *_list_misfits(sites),
            *tell_gaps(found),
            *notes,
            *((_NOT_OF_PAPER,) if paper else ()),
        ),
        sites=sites,
    )


def model_imported(
    cohort: Cohort, *, tail: Tail = "lower", effort: Effort | None = None
) -> DeviationStudy:
    """Score imported volumes by a model of the study's own controls.

    Raises
    ------
    ValueError
        If there are no controls, or no intracranial volume was imported.
    """
    study = replace(
        cohort.study,
        normative=ask_of_imported(cohort.study.normative, paper=cohort.study.mode == "paper"),
    )
    asked = replace(cohort, study=study)
    visits = list_visits(asked)
    visits = visits.assign(tiv_ml=visits.get(ETIV, np.nan))
    software = sorted(set(visits[SOFTWARE].dropna())) if SOFTWARE in visits else []
    modelled = model_study(
        asked,
        own=Provenance(software=" and ".join(map(str, software)), app_version=""),
        tail=tail,
        effort=effort,
        visits=visits.drop(columns="tbv_ml", errors="ignore"),
    )
    return replace(modelled, analyses=tuple(map(entitle, modelled.analyses)))


def tell_population_plan(cohort: Cohort, *, population: Population) -> Iterator[str]:
    """Say who would be scored by a population, and how many controls tell each site's term."""
    if not has_imported_volumes(cohort):
        return
    question = ask_of_imported(cohort.study.normative, paper=cohort.study.mode == "paper")
    asked = replace(cohort, study=replace(cohort.study, normative=question))
    visits = list_visits(asked)
    scans, notes = _take_scans(visits, cohort=asked, population=population)
    there = [name for name in scans.frame if str(name).startswith(PREFIX) and name != SOFTWARE]
    scored = scans.frame[scans.frame[there].notna().any(axis=1)]
    yield (
        f"FreeSurfer volumes: {len(scored)} sessions of {scored['participant_id'].nunique()} "
        f"people would be scored by {population.text}"
    )
    names = pd.Series([" of ".join(filter(None, pair[::-1])) for pair in scans.site_names])
    for site, n in names[scans.controls].value_counts().sort_index().items():
        yield f"FreeSurfer volumes: {n} controls tell the term of {site or 'all scans'}"
    yield from (f"FreeSurfer volumes: {note}" for note in notes)


def entitle(analysis: Analysis) -> Analysis:
    """Tell an analysis of imported volumes from that of the app's own."""
    title = analysis.title if _TITLE in analysis.title else f"{_TITLE}: {analysis.title.lower()}"
    tables = {f"population_{name}": table for name, table in analysis.tables.items()}
    return replace(analysis, name=f"population_{analysis.name}", title=title, tables=tables)


def _take_scans(
    visits: pd.DataFrame, *, cohort: Cohort, population: Population
) -> tuple[Scans, tuple[str, ...]]:
    study = cohort.study
    names = [name for name in population.regions if name in visits and visits[name].notna().any()]
    frame = visits[[*SCAN, *names]].assign(
        age=visits["age"].to_numpy(dtype=float) if "age" in visits else np.nan,
        sex=visits["sex"].to_numpy() if "sex" in visits else None,
    )
    notes: tuple[str, ...] = ()
    if (named := site_column(visits, study=study)) is not None:
        frame = frame.assign(site=visits[named].to_numpy())
    else:
        asked = " or ".join(study.normative.site)
        notes = (f"no column {asked}: all scans are taken as of one scanner",)
    if SOFTWARE in visits:
        frame = frame.assign(**{SOFTWARE: visits[SOFTWARE].to_numpy()})
    reference = study.populations[study.normative.reference]
    controls = members(visits, population=reference) & visits[IS_BASELINE].astype(bool)
    controls &= visits[EXCLUDED].isna()
    reasons = [None if pd.isna(one) else str(one) for one in visits[EXCLUDED]]
    return Scans(frame=frame, controls=controls.to_numpy(dtype=bool), left_out=reasons), notes


def _share_of_visits(visits: pd.DataFrame, scores: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """Return the mean limits of the share beyond the cut over each scan's counted volumes."""
    counted = scores["region"].isin(cohort.study.normative.counted_regions)
    own = scores[counted & scores[BEYOND].notna()]
    means = own.groupby(SCAN)[[SHARE_LOW, SHARE_HIGH]].mean()
    table = means.reindex(index_scans(visits)).reset_index(drop=True)
    return table.set_axis(["low", "high"], axis=1)


def _state_population(
    population: Population, sites: pd.DataFrame, *, tail: Tail, counted: int
) -> Analysis:
    cut = "z < −1.96" if tail == "lower" else "|z| > 1.96"
    text = (
        f"Volumes that FreeSurfer, FastSurfer or SynthSeg measured were compared with "
        f"{population.text}. z is by age and sex, and given the intracranial volume: (z − ρ z_TIV) "
        "/ √(1 − ρ²), with ρ per volume and sex from healthy people of 13 further sites. Nobody "
        "of this study was used to fit it. What a site adds has the spread of the reference's "
        f"sites as prior; n controls of the site, from {LEAST_FOR_TERM} on, move it by "
        f"n / (n + 1 / τ²) of their mean, and from {LEAST_FOR_SPREAD} on give the spread too; "
        "a control is scored without himself. A deviation is called critical where both 95 % "
        f"limits of z lie beyond the cut ({cut}), else critical if the scanner measures as the "
        "reference does; groups are compared by all z beyond the cut. Counted are "
        f"{counted} volumes of tissue, those that are scored given the intracranial volume. "
        "Cortical thickness and cortical volumes have no population here."
    )
    controls = sites.groupby(["site", "measured_by"], as_index=False)["n"].max()
    results = tuple(
        f"{site or 'All scans'}{f' ({software})' if software else ''}: {n} controls tell the "
        "site's term."
        for site, software, n in controls.itertuples(index=False)
    )
    keys = (population.citation, "fraza2021", "jones2009")
    return Analysis(
        name="model",
        title=f"{_TITLE}: the population",
        tables={"sites": sites},
        statement=Statement(
            methods=text,
            results=results or ("No control tells how a site measures.",),
            citations=keys,
        ),
    )


def _list_misfits(sites: pd.DataFrame) -> list[str]:
    """Name, first of all, where the population fits the controls badly."""
    told = []
    for (site, software), rows in sites.groupby(["site", "measured_by"], sort=True):
        bad = rows[rows["fit"] == "bad"]
        if bad.empty:
            continue
        worst = bad.reindex(bad["mean"].abs().sort_values(ascending=False).index)
        named = "; ".join(
            f"{say_region(str(region))} {mean:+.2f} ± {sd:.2f}".replace("-", "−")
            for region, mean, sd in zip(
                *(worst.head(_MOST_NAMED)[name] for name in ("region", "mean", "sd")), strict=True
            )
        )
        rest = f" and {len(bad) - _MOST_NAMED} more" if len(bad) > _MOST_NAMED else ""
        where = " of ".join(filter(None, (str(software), str(site)))) or "this study"
        told.append(
            f"the population fits {int(rows['n'].max())} controls of {where} badly in {len(bad)} "
            f"of {len(rows)} volumes (mean z beyond ±0.5, or SD beyond 0.7 to 1.4, before the "
            f"site's term): {named}{rest}"
        )
    return told
