"""A small run that several files go on with or compare with."""

from resumed import small, whole  # noqa: F401
