"""Stages of a whole study."""
