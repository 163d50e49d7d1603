"""Commands as a person types them."""

import asyncio
import os
import sys
from pathlib import Path


async def pricing(*arguments: str, **environ: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `kube-cost-pricing`, with these settings and none of whoever runs the tests."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KUBE_COST_"))}
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("kube-cost-pricing")),
        *arguments,
        env={**plain, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def schemathesis(url: str, *arguments: str, folder: Path) -> tuple[int, str]:
    """Exit code and output of schemathesis on the OpenAPI document at `url`; it leaves its own files in `folder`."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        url,
        "--no-color",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(100):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()
