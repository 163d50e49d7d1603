"""What goes wrong, in sentences that say what to do; each kind has its exit code."""

from typing import ClassVar


class CommandError(Exception):
    """A sentence for who typed the command, and the code that it exits with."""

    exit_code: ClassVar[int] = 1


class CannotAnswerError(CommandError):
    """The question is a good one, and there is no answer to it now."""


class BadInputError(CommandError):
    """What was asked for can't be."""

    exit_code: ClassVar[int] = 2
