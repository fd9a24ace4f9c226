"""How well two classes of a study can be told apart, and how much of that is the fit.

Enters: an assembled study and its question. Leaves: cross-validated performance, a model as an
equation, checks for leakage and confounding, tables and sentences.
Never knows the other analyses of the study.
"""
