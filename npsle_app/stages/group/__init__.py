"""Stages of a whole study: one file each, and what they share.

Enters: the participants' tables in the output, the clinical tables of the dataset, the study file.
Leaves: tables, figures and a summary of each stage under `group/`, and files of each person's
deviations. Never knows the command line or the page, and does no arithmetic of its own.
"""
