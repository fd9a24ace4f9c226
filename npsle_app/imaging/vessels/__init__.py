"""Lumen and wall of the arteries at the base of the brain, in black-blood images.

Enters: a vessel-wall image, its place in the head, and what a reader gave: landmarks or masks.
Leaves: the course of each vessel, lumen and wall of each section below the size of a voxel,
areas and indices with intervals, enhancement, and checks.
Never knows the rest of the brain, but for the white matter that enhancement is held against.
"""
