"""The DTI-ALPS index.

Enters: a tensor, the way to the template, the series for its noise. Leaves: regions in projection
and association fibres, the index of each side in each variant, its uncertainty and checks.
Never knows how the series was corrected.
"""
