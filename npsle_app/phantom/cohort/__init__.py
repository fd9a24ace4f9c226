"""Simulated cohorts: the tables of a study whose effects are known.

Enters: the printed figures of a paper and a seed. Leaves: clinical tables and measures.
Never knows images.
"""
