"""Command line: arguments to settings, outcomes to an exit status."""
