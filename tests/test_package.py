"""The package as a user gets it: quick to import, and complete when installed from a wheel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT


def python(*arguments, **options):
    """Run this Python in a process of its own and return what it prints."""
    result = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def copy_of_the_tree(target):
    """Copy what a wheel is made of, without what earlier builds have left in the checkout."""
    shutil.copytree(ROOT / "tfvae", target / "tfvae", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, target)
    return target


def test_import_does_not_import_tensorflow():
    code = "import sys, tfvae; print([name for name in ('tensorflow', 'keras', 'matplotlib') if name in sys.modules])"
    assert python("-c", code).strip() == "[]"


@pytest.mark.slow
def test_installed_wheel_trains(tmp_path):
    wheels, installed, elsewhere = (tmp_path / name for name in ("wheels", "installed", "elsewhere"))
    elsewhere.mkdir()
    source = copy_of_the_tree(tmp_path / "source")
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", wheels, source)
    (wheel,) = wheels.glob("tfvae-*.whl")
    python("-m", "pip", "install", "--quiet", "--no-deps", "--target", installed, wheel)

    # PYTHONPATH comes before the editable installation, and an empty folder hides nothing.
    options = {"cwd": elsewhere, "env": {**os.environ, "PYTHONPATH": str(installed)}}
    imported = Path(python("-c", "import tfvae; print(tfvae.__file__)", **options).strip())
    assert imported.resolve().is_relative_to(installed.resolve())
    python("-m", "tfvae", "train", "--epochs", 1, "--train-size", 1000, "--out", elsewhere / "run", **options)
    assert any((elsewhere / "run").iterdir())
