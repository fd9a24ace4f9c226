"""Where people lie in a population that others have modelled, and how sure that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from npsle_app.arrays import Z95, Bools, Floats, Ints
from npsle_app.cohort.normative.gaps import Gap, Remark, Remarks, tell_each
from npsle_app.cohort.normative.model import CRITICAL_Z, Tail
from npsle_app.cohort.normative.population import MAN, WOMAN, Design, Population, given_tiv
from npsle_app.cohort.normative.population_sites import (
    BAD_MEAN,
    BAD_SD,
    LEAST_FOR_FIT,
    LEAST_FOR_TERM,
    SiteTerms,
    error_given_tiv,
    error_of_term,
    find_site_terms,
    find_usable_controls,
)
from npsle_app.cohort.normative.scores import NOT_ASSESSABLE, PASS, REMARKS, WARN
from npsle_app.cohort.study.measures import SOFTWARE
from npsle_app.cohort.study.visits import SCAN
from npsle_app.measures.names_of_freesurfer import ETIV

CRITICAL = "critical"
IF_SCANNER_AGREES = "critical if the scanner measures as the reference does"
BY_AGE_SEX, BY_TIV = "age, sex", "age, sex, TIV"
POPULATION_COLUMNS = [
    *(*SCAN, "region", "volume", "expected", "sd", "z", "z_low", "z_high", "given"),
    *("z_age_sex", "centile", "deviation", "critical", "n_controls", "n_reference"),
    *("reference", "measured_by", "qc", "reason"),
]
BEYOND, SHARE_LOW, SHARE_HIGH = "beyond", "share_low", "share_high"
# What curves need: age and sex of the scan, and z of the population = shift + scale · z.
AGE, SEX, SHIFT, SCALE = "age", "sex", "shift", "scale"
TRACE_COLUMNS = [AGE, SEX, SHIFT, SCALE]
SITE_COLUMNS = ["site", "measured_by", "region", "n", "mean", "sd", "fit"]
_NO_TIV = Remark(
    Gap.TIV_NOT_TAKEN, "the intracranial volume is missing: z by age and sex alone, no label"
)
_NO_RHO = Remark(
    Gap.TIV_NOT_TAKEN,
    "how it goes with the intracranial volume is not known: z by age and sex alone, no label",
)
_NO_VOLUME = Remark(Gap.VOLUME_UNUSABLE, "the volume is missing or not above 0")


@dataclass(frozen=True, kw_only=True)
class Scans:
    """People to be scored, a row each.

    Attributes
    ----------
    frame
        `participant_id`, `session_id`, `age` in years, `sex` (F or M), volumes in mL; `site` and
        `fs_measured_by` where they are known.
    controls : (n,) array
        Whose scans tell how their site measures.
    left_out
        Why a scan has no score, by row; None where it has one.
    """

    frame: pd.DataFrame
    controls: Bools
    left_out: Sequence[str | None]

    @cached_property
    def software(self) -> list[str]:
        """What measured each scan; empty where it is not known."""
        return self._texts(SOFTWARE)

    @cached_property
    def site_names(self) -> list[tuple[str, str]]:
        """Site and program of each scan: one scanner and two programs are two sites."""
        return list(zip(self._texts("site"), self.software, strict=True))

    @cached_property
    def sites(self) -> Ints:
        """The number of each scan's site and program."""
        return np.asarray(pd.factorize(pd.Series(self.site_names))[0], dtype=np.intp)

    @cached_property
    def is_man(self) -> Floats:
        """1 of men, 0 of women, NaN of others and where it is missing."""
        told = self.frame["sex"].map({MAN: 1.0, WOMAN: 0.0})
        return np.asarray(told.to_numpy(dtype=float))

    def volume_ml(self, measure: str) -> Floats:
        """Return a volume; NaN where it is missing, not above 0, or not to be scored."""
        values = pd.to_numeric(self.frame[measure], errors="coerce").to_numpy(dtype=float)
        usable = (values > 0) & np.array([reason is None for reason in self.left_out])
        return np.where(usable, values, np.nan)

    def _texts(self, name: str) -> list[str]:
        if name not in self.frame:
            return [""] * len(self.frame)
        return self.frame[name].astype(object).where(self.frame[name].notna(), "").map(str).tolist()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """What the scores of all volumes share."""

    population: Population
    scans: Scans
    design: Design
    tiv_terms: SiteTerms | None
    z_tiv: Floats
    tail: Tail
    of_person: list[Remarks]


def score_population(population: Population, scans: Scans, *, tail: Tail = "lower") -> pd.DataFrame:
    """Score people by age and sex, and given their intracranial volume.

    Nobody of the study makes the reference; its controls tell what their site adds, each without
    himself.

    Returns
    -------
    DataFrame
        A row per scan and volume that both have: `POPULATION_COLUMNS`, then `beyond` (z beyond
        the cut, None without a label), `share_low` and `share_high` (limits of the share of
        healthy people beyond it at this site), `TRACE_COLUMNS` and `remarks`. `z` is given
        the intracranial volume where `given` says so, with 95 % limits by what is known of the
        site; `critical` is told where both limits lie beyond the cut.

    Raises
    ------
    ValueError
        If the table has none of the population's volumes.
    """
    names = [name for name in population.regions if name in scans.frame]
    if not names:
        msg = "no volume of FreeSurfer was imported (--derivatives freesurfer=PATH)"
        raise ValueError(msg)
    setting = _set_up(population, scans, tail=tail)
    parts = [_score_volume(name, setting) for name in names]
    table = pd.concat(parts, ignore_index=True)
    table["reason"] = pd.Series(tell_each(table[REMARKS]), index=table.index, dtype=object)
    return table[[*POPULATION_COLUMNS, BEYOND, SHARE_LOW, SHARE_HIGH, *TRACE_COLUMNS, REMARKS]]


def describe_sites(population: Population, scans: Scans) -> pd.DataFrame:
    """Say how the population fits the controls of each site, before any term of the site.

    Returns
    -------
    DataFrame
        `site`, `measured_by`, `region`, `n`, `mean` and `sd` of z by age and sex, and `fit`:
        bad where the mean lies beyond ±0.5 or the SD beyond 0.7 to 1.4 in 5 controls or more.
    """
    design = _lay_out(population, scans)
    rows = []
    for name in (name for name in population.regions if name in scans.frame):
        z = population.regions[name].to_z(scans.volume_ml(name), design=design)
        used = find_usable_controls(z, sites=scans.sites, controls=scans.controls)
        for site in np.unique(scans.sites[used]):
            own = z[used & (scans.sites == site)]
            place, software = scans.site_names[int(np.flatnonzero(scans.sites == site)[0])]
            mean, sd = float(own.mean()), float(own.std(ddof=1)) if len(own) > 1 else np.nan
            bad = abs(mean) > BAD_MEAN or not BAD_SD[0] <= sd <= BAD_SD[1]
            told = "too few" if len(own) < LEAST_FOR_FIT else "bad" if bad else "good"
            rows.append((place, software, name, len(own), mean, sd, told))
    return pd.DataFrame(rows, columns=SITE_COLUMNS)


def _lay_out(population: Population, scans: Scans) -> Design:
    ages = pd.to_numeric(scans.frame["age"], errors="coerce").to_numpy(dtype=float)
    return population.design(ages, is_man=scans.is_man)


def _set_up(population: Population, scans: Scans, *, tail: Tail) -> _Setting:
    design = _lay_out(population, scans)
    terms, z_tiv = None, np.full(len(scans.frame), np.nan)
    if ETIV in scans.frame:
        raw = population.regions[ETIV].to_z(scans.volume_ml(ETIV), design=design)
        terms = _terms(raw, population, ETIV, scans)
        z_tiv = terms.apply(raw)
    return _Setting(
        population=population,
        scans=scans,
        design=design,
        tiv_terms=terms,
        z_tiv=z_tiv,
        tail=tail,
        of_person=_remark_people(population, scans, ages=design.age_years),
    )


def _terms(z: Floats, population: Population, name: str, scans: Scans) -> SiteTerms:
    site_sd = population.regions[name].site_sd
    return find_site_terms(z, sites=scans.sites, controls=scans.controls, site_sd=site_sd)


def _score_volume(name: str, setting: _Setting) -> pd.DataFrame:
    population, scans, design = setting.population, setting.scans, setting.design
    region, volume = population.regions[name], scans.volume_ml(name)
    raw = region.to_z(volume, design=design)
    terms = _terms(raw, population, name, scans)
    by_age = terms.apply(raw)
    z, error, rho = by_age, error_of_term(terms, site_sd=region.site_sd), np.zeros(len(raw))
    conditioned = np.zeros(len(raw), dtype=bool)
    if setting.tiv_terms is not None and name != ETIV and region.rho:
        known = np.isfinite(setting.z_tiv)
        rho = np.where(known, np.nan_to_num(population.rho(name, is_man=scans.is_man)), 0.0)
        z_tiv = np.where(known, setting.z_tiv, 0.0)
        z, conditioned = given_tiv(by_age, z_tiv=z_tiv, rho=rho), known & np.isfinite(by_age)
        error = error_given_tiv(
            terms,
            site_sd=region.site_sd,
            of_tiv=setting.tiv_terms,
            tiv_site_sd=population.regions[ETIV].site_sd,
            together=region.site_with_tiv,
            rho=rho,
        )
    of_spread = terms.share_of_spread(population)
    half = Z95 * np.sqrt(error**2 + (of_spread * z) ** 2)
    about = rho * np.where(np.isfinite(setting.z_tiv), setting.z_tiv, 0.0)
    shift, scale = terms.offset + terms.spread * about, terms.spread * np.sqrt(1 - rho**2)
    below, middle, above = (
        region.to_volume_ml(shift + step * scale, design=design) for step in (-1.0, 0.0, 1.0)
    )
    remarks, labelled = _remark(name, setting, volume=volume, terms=terms, conditioned=conditioned)
    low, high = z - half, z + half
    beyond, sure = _judge(z, low, high, tail=setting.tail)
    cut_error = np.sqrt(error**2 + (of_spread * CRITICAL_Z) ** 2)
    share_low, share_high = _shares(cut_error, tail=setting.tail)
    frame = scans.frame
    return pd.DataFrame(
        {
            **{key: frame[key].to_numpy() for key in SCAN},
            "region": name,
            "volume": volume,
            "expected": middle,
            "sd": (above - below) / 2,
            "z": z,
            "z_low": low,
            "z_high": high,
            "given": np.where(conditioned, BY_TIV, BY_AGE_SEX),
            "z_age_sex": by_age,
            "centile": _centile(z),
            "deviation": _name(beyond & labelled, sure),
            "critical": _or_none(beyond & sure, labelled),
            "n_controls": terms.n.astype(float),
            "n_reference": float(region.n),
            "reference": population.text,
            "measured_by": scans.software,
            "qc": _qc(z, remarks),
            BEYOND: _or_none(beyond, labelled),
            SHARE_LOW: share_low,
            SHARE_HIGH: share_high,
            AGE: frame["age"].to_numpy(),
            SEX: frame["sex"].to_numpy(),
            SHIFT: shift,
            SCALE: scale,
            REMARKS: remarks,
        }
    )


def _remark_people(population: Population, scans: Scans, *, ages: Floats) -> list[Remarks]:
    low, high = population.age_range_years
    remarks: list[Remarks] = []
    rows = zip(ages, scans.is_man, scans.software, scans.left_out, strict=True)
    for age, man, software, left_out in rows:
        own = []
        if left_out is not None:
            own.append(Remark(Gap.LEFT_OUT, f"left out: {left_out}"))
        if np.isnan(age):
            own.append(Remark(Gap.AGE_MISSING, "age is missing"))
        elif not low <= age <= high:
            text = f"age {age:g} is outside the reference's ages, {low:g} to {high:g}"
            own.append(Remark(Gap.AGE_OUTSIDE, text))
        if np.isnan(man):
            own.append(Remark(Gap.SEX_MISSING, "sex is missing, or neither F nor M"))
        if software and not software.startswith(population.software):
            text = f"measured by {software}, the reference by {population.software}"
            own.append(Remark(Gap.OTHER_SOFTWARE, text))
        remarks.append(tuple(own))
    return remarks


def _remark(
    name: str, setting: _Setting, *, volume: Floats, terms: SiteTerms, conditioned: Bools
) -> tuple[list[Remarks], Bools]:
    """Return what is to be said of each score, and which may have a label."""
    no_rho = name != ETIV and not setting.population.regions[name].rho
    few = [_tell_few(int(n)) if n < LEAST_FOR_TERM else None for n in range(LEAST_FOR_TERM)]
    remarks: list[Remarks] = []
    labelled = np.isfinite(setting.design.age_years) & np.isfinite(volume)
    for row, own in enumerate(setting.of_person):
        if np.isnan(volume[row]):
            known = (*own, _NO_VOLUME) if not _is_left_out(own) else own
            remarks.append(known)
            continue
        more = [few[terms.n[row]]] if terms.n[row] < LEAST_FOR_TERM else []
        if no_rho:
            more.append(_NO_RHO)
        elif name != ETIV and not conditioned[row]:
            more.append(_NO_TIV)
        labelled[row] &= not any(one.gap in _UNLABELLED for one in (*own, *filter(None, more)))
        remarks.append((*own, *filter(None, more)))
    return remarks, labelled


_UNLABELLED = (Gap.AGE_OUTSIDE, Gap.AGE_MISSING, Gap.SEX_MISSING, Gap.TIV_NOT_TAKEN)


def _is_left_out(remarks: Remarks) -> bool:
    return any(one.gap is Gap.LEFT_OUT for one in remarks)


def _tell_few(n: int) -> Remark:
    text = f"site term from {n} controls: z lies between its limits"
    return Remark(Gap.NO_CONTROLS, text)


def _judge(z: Floats, low: Floats, high: Floats, *, tail: Tail) -> tuple[Bools, Bools]:
    """Say which z lie beyond the cut, and which do with both limits."""
    beyond, sure = z < -CRITICAL_Z, high < -CRITICAL_Z
    if tail == "both":
        return beyond | (z > CRITICAL_Z), sure | (low > CRITICAL_Z)
    return beyond, sure


def _shares(error: Floats, *, tail: Tail) -> tuple[Floats, Floats]:
    """Return limits of the share of healthy people beyond the cut, by the error at the cut."""
    from scipy import stats

    low, high = (stats.norm.cdf(-CRITICAL_Z + sign * Z95 * error) for sign in (-1, 1))
    if tail == "lower":
        return low, high
    least = np.full(len(error), 2 * stats.norm.cdf(-CRITICAL_Z))
    return least, low + high


def _name(beyond: Bools, sure: Bools) -> list[str]:
    pairs = zip(beyond, sure, strict=True)
    return [(CRITICAL if known else IF_SCANNER_AGREES) if far else "" for far, known in pairs]


def _or_none(flags: Bools, labelled: Bools) -> pd.Series:
    pairs: Iterator[bool | None] = (
        bool(flag) if told else None for flag, told in zip(flags, labelled, strict=True)
    )
    return pd.Series(list(pairs), dtype=object)


def _qc(z: Floats, remarks: list[Remarks]) -> list[str]:
    return [
        NOT_ASSESSABLE if np.isnan(value) else WARN if own else PASS
        for value, own in zip(z, remarks, strict=True)
    ]


def _centile(z: Floats) -> Floats:
    from scipy import stats

    centiles: Floats = 100 * stats.norm.cdf(z)
    return centiles
