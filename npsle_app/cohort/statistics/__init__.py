"""The statistics of a study as the papers report them.

Enters: an assembled study. Leaves: tables (baseline, group tests, correlations, regressions), the
numbers behind figures, and sentences with their numbers.
Never knows classifiers or normative models.
"""
