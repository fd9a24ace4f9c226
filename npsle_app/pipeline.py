"""The plan: which stages there are, and what each one waits for."""

from npsle_app.engine.stage import Stage
from npsle_app.stages.group import classifier, deviations, measures, normative, statistics
from npsle_app.stages.participant import (
    alps,
    anat,
    change,
    dwi,
    filling,
    lesions,
    regions,
    tissue,
    vessel_wall,
    wmh,
)

PARTICIPANT = (
    Stage("anat", anat.run, scans=("t1w",)),
    Stage("wmh", wmh.run, scans=("flair",), needs=("anat",)),
    Stage("filling", filling.run, needs=("anat", "wmh")),
    Stage("tissue", tissue.run, needs=("anat",), uses=("wmh", "filling")),
    Stage("regions", regions.run, needs=("anat", "tissue"), earlier_uses=("anat", "regions")),
    Stage("dwi", dwi.run, scans=("dwi",), uses=("anat",)),
    Stage("alps", alps.run, needs=("dwi",), uses=("anat", "wmh", "tissue")),
    Stage("vessel_wall", vessel_wall.run, scans=("vwi",), uses=("anat",)),
    Stage("lesions", lesions.run, needs=("anat", "wmh", "tissue")),
    Stage(
        "change",
        change.run,
        scans=("visit", "flair"),
        needs=("anat", "wmh", "tissue"),
        earlier=("anat", "wmh", "tissue"),
        earlier_scans=("visit", "flair"),
    ),
)

GROUP = (
    Stage("measures", measures.run),
    Stage("statistics", statistics.run, needs=("measures",)),
    Stage("normative", normative.run, needs=("measures",)),
    Stage("deviations", deviations.run, needs=("normative",)),
    Stage("classifier", classifier.run, needs=("measures",)),
)
