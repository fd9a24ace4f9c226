"""A diffusion series: from volumes as acquired to a tensor that can be trusted.

Enters: the series with its gradient table, reversed phase encoding or the T1w image where there is
one. Leaves: the series without noise, ringing, distortion, motion and lost slices, with its
turned gradients; the tensor and its maps; numbers and checks of quality.
Never knows what the tensor is used for.
"""
