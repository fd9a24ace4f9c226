"""The model of white-matter hyperintensities: people, variants of them, fit, calibration."""
