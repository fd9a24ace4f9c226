"""What a study asks, and its people: one row per participant, one per visit.

Enters: the parsed study file, tables as text, measures. Leaves: frozen records of the question,
and a frame whose columns have a kind, a label and a unit, with the reasons for all left out.
Never knows a statistic.
"""
