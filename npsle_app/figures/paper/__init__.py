"""Figures of a study, as a paper prints them.

Enters: data frames of numbers. Leaves: figures without a decision: what is shown was chosen before.
Never knows images.
"""
