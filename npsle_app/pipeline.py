"""The plan: which stages there are, and what each one waits for."""

from npsle_app.engine.stage import Stage
from npsle_app.stages.group import measures
from npsle_app.stages.participant import anat, filling, tissue, wmh

PARTICIPANT = (
    Stage("anat", anat.run, scans=("t1w",)),
    Stage("wmh", wmh.run, scans=("flair",), needs=("anat",)),
    Stage("filling", filling.run, needs=("anat", "wmh")),
    Stage("tissue", tissue.run, needs=("anat",), uses=("wmh", "filling")),
)

GROUP = (Stage("measures", measures.run),)
