"""What a shell offers."""

from kubectl_cost.completion import completions
from kubectl_cost.main import COMMANDS


def test_commands_are_offered_with_their_help() -> None:
    """Those that begin with what is typed."""
    assert completions(["pr"]) == [f"prices\t{_help('prices')}", ":4"]
    assert len(completions([""])) == len(COMMANDS) + 1


def test_an_options_words_are_offered() -> None:
    """And its name; no file's name may stand there."""
    assert completions(["ns", "-o", "y"]) == ["yaml", ":4"]
    assert [line.partition("\t")[0] for line in completions(["pod", "--sel"])] == ["--selector", ":4"]


def test_files_are_offered_where_one_may_stand() -> None:
    """By the shell itself."""
    assert completions(["export", "focus", "-f", ""]) == [":0"]


def _help(name: str) -> str:
    line = next(line for line in completions([""]) if line.startswith(f"{name}\t"))
    return line.partition("\t")[2]
