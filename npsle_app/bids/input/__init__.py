"""The dataset as it came: participants, scans, sidecars, tables, and what is wrong with them.

Enters: a BIDS folder written by strangers. Leaves: the scans of each session with the reason for
each choice, and problems by file name. `dataset` alone knows pybids.
Never knows what is computed.
"""
