"""The exceptions and the warning of the package. Their texts are those of the program."""


class StratoscopeError(Exception):
    """Any failure of Stratoscope."""


class UsageError(StratoscopeError, ValueError):
    """An argument that is not valid."""


class InputError(StratoscopeError, ValueError):
    """A text, a file or an array that cannot be used."""


class ModelNotFoundError(StratoscopeError, FileNotFoundError):
    """A model that does not exist, or that is not cached and the hub may not be asked."""


class NetworkError(StratoscopeError, ConnectionError):
    """The network failed, or access was refused."""


class ForkError(StratoscopeError, RuntimeError):
    """Work in a process that was forked after the first work: its threads do not exist there."""


class StratoscopeWarning(UserWarning):
    """Something without which a result would be misunderstood, such as a text that was cut."""
