"""How the app declines to begin, and how it is told to end."""


class RefusedError(Exception):
    """What was asked for cannot be done; the text says what was found and what to do."""


class TerminatedError(KeyboardInterrupt):
    """The process was asked to end (SIGTERM)."""
