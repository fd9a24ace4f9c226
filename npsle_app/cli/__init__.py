"""The command line: arguments to settings, outcomes to an exit code."""
