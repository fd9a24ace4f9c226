"""The derivative dataset: names of all files, the one door out, and the way back in.

Enters: images, tables, records, figures. Leaves: files under names that BIDS allows.
Never knows where the numbers come from.
"""
