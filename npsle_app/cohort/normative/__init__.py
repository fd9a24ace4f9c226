"""Normative models: where a brain lies among those of healthy people.

Enters: volumes of healthy people with age, sex, head size and site, or a fitted model. Leaves: a
model, and z of each region of a scan, each with what is to be thought of it.
Never knows patients, groups or outcomes.
"""
