"""Arteries as tubes of known lumen and wall, and black-blood images of them.

`vessels` draws single arteries, for tests and benchmarks; the rest draws those of a whole head.
Never knows how the app measures them.
"""
