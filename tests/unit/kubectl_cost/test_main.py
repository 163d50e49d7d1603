"""The door."""

import subprocess
import sys

from click.testing import CliRunner

from kubectl_cost.main import ALIASES, COMMANDS, main


def test_help_imports_no_command() -> None:
    """Nor anything that takes its time: it is there at once."""
    slow = ["kubectl_cost.options", "urllib.request", "aiohttp", "kubernetes_asyncio", "yaml", "ssl", "asyncio"]
    code = (
        "import sys\nfrom kubectl_cost.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print([name for name in {slow} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.endswith("\n[]\n")


def test_every_command_can_be_called_by_all_of_its_names() -> None:
    """Its help has its own name, whichever was typed."""
    for name in [*COMMANDS, *ALIASES]:
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0, (name, result.output)
        assert result.output.startswith(f"Usage: main {name}")


def test_help_lists_every_command() -> None:
    """With its line."""
    output = CliRunner().invoke(main, ["--help"]).output
    assert all(line in output for line in COMMANDS.values())
