"""Statistical methods on arrays and plain frames.

Enters: numbers. Leaves: estimates, limits, p values, diagnostics.
Never knows a study, its groups, its labels or its words: those stand in the wings above.
"""
