"""The errors and warnings people see."""


class LabError(Exception):
    """Something a person can put right: says what is wrong, where, and what to do."""


class ConfigError(LabError):
    """An option was given a value it cannot take."""


class DataError(LabError):
    """The data cannot be used as they are."""


class Incompatible(LabError):
    """Two options that exclude each other; in a sweep such a cell is skipped."""


class AlreadyFinished(LabError):
    """A run of this configuration on these data has ended well before, and ``resume=true`` asked for no second."""


class TrackingError(LabError):
    """The tracking server cannot be reached; the run's record is on disk."""


class LabWarning(UserWarning):
    """Something a person should know about their run; shown on screen and kept in its record."""
