"""Places in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Folder that holds everything: the repository, or a copy of it with a planted bug."""
