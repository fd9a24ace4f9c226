"""What deviations from a normative model mean for a study and for one person.

Enters: z of all sessions and the study's groups, scores and events. Leaves: counts and their
ratios, transitions, associations, risk and events, one person's curves; tables and sentences.
Never knows how the model was fitted.
"""
