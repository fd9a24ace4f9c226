"""Arteries as tubes of known lumen and wall, and black-blood images of them.

Enters: courses, radii and walls, those of a whole head or (`vessels`, for tests and benchmarks) of
single arteries. Leaves: images with their landmarks, masks and true measures. Never knows how the
app measures them.
"""
