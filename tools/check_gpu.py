"""What works on this machine's GPU: `python tools/check_gpu.py`, at most eight minutes.

Every check of gpu_checks.py runs in a process of its own, so that one which fails, hangs or takes the whole memory
harms no other; this process uses no GPU. A line for each check gives its seconds, its figures and whether it passed,
and check_gpu.json beside this file gets all of it with the device's name and the versions.

    --allow-cpu   without a GPU: the same checks on less data, which shows that they run and nothing about a GPU
    --only NAME   these checks only (may be given several times)
    --out FILE    instead of check_gpu.json, which is written by complete runs on a GPU only

Models are exported here as `.keras` files, which is all that there is; an export as SavedModel is not checked.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
RESULTS = HERE.with_suffix(".json")
CHECKS = {
    "device": 60, "noise": 60, "gradients": 100, "train": 100, "float16": 80, "convolutional": 90, "steps": 80,
    "mirrored": 80, "saved": 80, "memory": 90, "resume": 120,
}  # fmt: skip
"""By name the seconds that each may take at most: not so long that one which hangs leaves no time for the others."""
SECONDS = 470  # of all together
SLOWER = 4  # times as long on a CPU, which may be busy
RESULT = "RESULT "


def run(name: str, seconds: float, folder: Path, small: bool) -> dict[str, Any]:
    """One check in a process of its own: its name, whether it passed, seconds, figures and what went wrong."""
    command = [sys.executable, str(HERE.with_name("gpu_checks.py")), name, str(folder)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": str(HERE.parents[1])}
    start = time.perf_counter()
    found: dict[str, Any] = {"name": name, "passed": False, "seconds": 0.0, "figures": {}}
    try:
        out, errors = _outputs(command + ["--small"] * small, environment, max(1.0, seconds))
        lines = [line for line in out.splitlines() if line.startswith(RESULT)]
        found |= json.loads(lines[-1].removeprefix(RESULT)) if lines else {"error": errors[-2000:]}
    except subprocess.TimeoutExpired:
        found["error"] = f"no end after {seconds:.0f} seconds"
    return found | {"seconds": round(time.perf_counter() - start, 1)}


def _outputs(command: list[str], environment: dict[str, str], seconds: float) -> tuple[str, str]:
    """What a command prints; it is ended with all processes that it started if it takes too long."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        try:
            return process.communicate(timeout=seconds)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def line(found: dict[str, Any]) -> str:
    figures = ", ".join(f"{name} {_short(value)}" for name, value in found["figures"].items())
    error = found.get("error", "").strip().splitlines()
    said = "; ".join([each for each in (figures, error[-1] if error else "") if each])
    return f"{'passed' if found['passed'] else 'FAILED'}  {found['name']:<14}{found['seconds']:6.1f} s  {said}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--allow-cpu", action="store_true", help="without a GPU: less data, to see the checks run")
    parser.add_argument("--only", action="append", choices=CHECKS, metavar="NAME", help=", ".join(CHECKS))
    parser.add_argument("--out", type=Path, help="file for the results")
    options = parser.parse_args()
    start, checks = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        device = run("device", CHECKS["device"], Path(folder), options.allow_cpu)
        on_gpu = bool(device["figures"].get("gpu"))
        small = not on_gpu
        if not on_gpu and not options.allow_cpu:
            sys.exit(
                device.get("error")
                or "No GPU was found by TensorFlow; on Linux, `pip install 'tfvae[gpu]'` brings what it needs."
            )
        for name in options.only or CHECKS:
            slower = SLOWER if small else 1
            limit = min(CHECKS[name] * slower, SECONDS * slower - (time.perf_counter() - start))
            checks.append(device if name == "device" else run(name, limit, Path(folder), small))
            print(line(checks[-1]), flush=True)
    failed = [each["name"] for each in checks if not each["passed"]]
    report = {
        "device": device["figures"],
        "date": time.strftime("%Y-%m-%d"),
        "versions": {name: version(name) for name in ("tensorflow", "keras", "tensorflow-probability", "numpy")},
        "python": sys.version.split()[0],
        "seconds": round(time.perf_counter() - start, 1),
        "failed": failed,
        "checks": checks,
    }
    out = options.out or (RESULTS if on_gpu and not options.only else None)
    if out is not None:
        out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if failed:
        sys.exit(f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}.")
    print(f"All {len(checks)} checks passed in {report['seconds']:.0f} s on {device['figures'].get('gpu') or 'a CPU'}.")


if __name__ == "__main__":
    main()
