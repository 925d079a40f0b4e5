"""Tries the package on every Python from 3.10 to 3.13 that this machine has: python tools/every_python.py

For each: a virtual environment in a temporary folder with the versions of constraints.txt, the import, one training
step from the command line. A Python counts as there if `python3.X` runs or pyenv has one; others can be named as
arguments. Takes a few minutes each, so it is no part of the tests. Exit code 1 if one of them fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINORS = range(10, 14)
ONE_STEP = (
    *("train", "--epochs", "1", "--train-size", "50", "--batch-size", "50", "--validation-size", "50"),
    *("--network", "mlp(8)", "--latent-size", "2"),
)


def pythons() -> list[str]:
    """The newest of each minor version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = []
    for minor in MINORS:
        versions = sorted(pyenv.glob(f"3.{minor}.*/bin/python"), key=lambda path: int(path.parts[-3].split(".")[2]))
        candidates = [f"python3.{minor}", *map(str, reversed(versions))]
        # A shim of pyenv's may be on the path without a Python behind it, so each is run.
        right = f"import sys; sys.exit({minor} != sys.version_info[1])"
        working = next((each for each in candidates if _runs(each, right)), None)
        print(f"3.{minor}: {working or 'not on this machine'}", flush=True)
        found += [working] if working else []
    return found


def try_out(python: str) -> str:
    """What came of it, in one line; it begins with "ok" if all went well."""
    with tempfile.TemporaryDirectory(prefix="every-python-") as scratch:
        # A copy, because building a package leaves files beside its sources.
        ignored = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "runs")
        shutil.copytree(ROOT, f"{scratch}/source", ignore=ignored)
        own = f"{scratch}/venv/bin/python"
        install = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # Otherwise this checkout could be imported instead of what was installed.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        steps = {
            "venv": [python, "-m", "venv", f"{scratch}/venv"],
            "install": [*install, "--constraint", f"{scratch}/source/constraints.txt", f"{scratch}/source"],
            "import": [own, "-c", "import tfvae; tfvae.VAE"],
            "train": [own, "-m", "tfvae", *ONE_STEP, "--out", f"{scratch}/run"],
        }
        for name, command in steps.items():
            done = subprocess.run(command, cwd=scratch, env=environment, capture_output=True, text=True)
            if done.returncode:
                return f"{name} failed: {(done.stderr.strip() or done.stdout.strip())[-500:]}"
        return f"ok: {done.stdout.strip().splitlines()[-1]}"


def _runs(python: str, code: str) -> bool:
    return bool(shutil.which(python)) and subprocess.run([python, "-c", code], capture_output=True).returncode == 0


if __name__ == "__main__":
    bad = False
    for each in sys.argv[1:] or pythons():
        outcome = try_out(each)
        print(f"{each}: {outcome}", flush=True)
        bad = bad or not outcome.startswith("ok")
    sys.exit(bad)
