"""Writes a synthetic BIDS study whose right answers are known."""
