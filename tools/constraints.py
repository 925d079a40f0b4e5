"""Make `constraints.txt`: `python tools/constraints.py REPORT... > constraints.txt`, pip's report for each Python.

A report comes from a recent pip: `pip install --dry-run --ignore-installed --report REPORT ".[dev,bench]"`.
There are two sets of versions, not four, so that there is less to test: Python 3.10, which many newer versions have
left behind, and everything above it, where the oldest of the versions found is taken.
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

HEADER = """\
# The exact versions of ".[dev]", which CI installs on Linux, and of ".[bench]"; made by tools/constraints.py.
"""
OLD, NEW = 'python_version == "3.10"', 'python_version >= "3.11"'


def version_key(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def main(reports: list[str]) -> None:
    """Print the constraints, one package a line, a marker where a line does not hold for every Python."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for report in reports:
        content = json.loads(Path(report).read_text(encoding="utf-8"))
        marker = OLD if content["environment"]["python_version"] == "3.10" else NEW
        for item in content["install"]:
            name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
            found[name][marker].append(item["metadata"]["version"])
    print(HEADER, end="")
    for name, versions in sorted(found.items()):
        if name == "tfvae":
            continue
        oldest = {marker: min(versions[marker], key=version_key) for marker in (OLD, NEW) if versions[marker]}
        if len(oldest) == 2 and oldest[OLD] == oldest[NEW]:
            print(f"{name}=={oldest[OLD]}")
        else:
            print(*(f"{name}=={version}; {marker}" for marker, version in oldest.items()), sep="\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("Usage: python tools/constraints.py REPORT... > constraints.txt, pip's report for each Python.")
    main(sys.argv[1:])
