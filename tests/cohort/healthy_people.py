"""Healthy people whose volumes follow a known curve and spread."""

import numpy as np
import pandas as pd
from scipy import stats

from npsle_app.cohort.normative.model import Provenance

OWN = Provenance(software="npsle_app", app_version="1.2.0", templates={"AAL": "abc"})
SPREAD = {"F": 0.30, "M": 0.45}  # mL at 40 years: women are closer together


def region_names(count):
    return tuple(f"region_{place}_ml" for place in range(count))


def true_mean(age, *, tiv, sex):
    """The known curve, in mL: a fractional polynomial with powers 0.5 and 2."""
    x = age / 10
    return 7 + 0.8 * np.sqrt(x) - 0.03 * x**2 + 0.003 * (tiv - 1450) + 0.2 * (sex == "M")


def true_deviation(age, *, sex):
    """Grows by 1 % a year."""
    return np.where(sex == "F", SPREAD["F"], SPREAD["M"]) * np.exp(0.01 * (age - 40))


def make_people(
    n, *, regions=3, seed=1, sites=1, site_sd_ml=0.0, ages=(18.0, 75.0), noise="normal"
):
    """Return a table of n people, half of them women."""
    rng = np.random.default_rng(seed)
    sex = np.where(np.arange(n) % 2 == 0, "F", "M").astype(object)
    age = rng.uniform(*ages, n)
    tiv = rng.normal(1450, 100, n) + 60 * (sex == "M")
    site = rng.integers(0, sites, n)
    offsets = (
        rng.normal(0, site_sd_ml, (sites, regions)) if site_sd_ml else np.zeros((sites, regions))
    )
    shape = (n, regions)
    drawn = rng.normal(size=shape)
    if noise == "skewed":
        drawn = (rng.gamma(4.0, size=shape) - 4) / 2
    middle, deviation = true_mean(age, tiv=tiv, sex=sex), true_deviation(age, sex=sex)
    volumes = middle[:, None] + offsets[site] + deviation[:, None] * drawn
    frame = pd.DataFrame(
        {
            "participant_id": [f"sub-{place:05d}" for place in range(n)],
            "age": age,
            "sex": sex,
            "tiv_ml": tiv,
            "site": [f"site {chr(65 + one)}" for one in site],
        }
    )
    return pd.concat([frame, pd.DataFrame(volumes, columns=list(region_names(regions)))], axis=1)


def tail_probabilities(model, people, *, region):
    """The true chances of each person to score below −1.96 and above 1.96, and their group."""
    from npsle_app.cohort.normative.reference import describe_people

    parts = []
    for sex, rows in people.groupby("sex"):
        own = model.sexes[sex]
        fitted = own.regions[region]
        taken = describe_people(rows, sites=own.sites)
        expected, deviation = fitted.predict(taken, tiv_centre_ml=own.tiv_centre_ml)
        middle = true_mean(rows["age"], tiv=rows["tiv_ml"], sex=rows["sex"]).to_numpy(dtype=float)
        spread = true_deviation(rows["age"], sex=rows["sex"])
        low, high = (
            (expected + deviation * fitted.from_z(np.full(len(rows), z)) - middle) / spread
            for z in (-1.96, 1.96)
        )
        part = {"age": rows["age"], "sex": sex, "low": stats.norm.cdf(low)}
        parts.append(pd.DataFrame(part | {"high": stats.norm.sf(high)}))
    return pd.concat(parts)
