"""What `import tensorflow` takes, alone and with tfvae on top."""

from __future__ import annotations

import importlib
import time


def tensorflow() -> float:
    """Seconds of `import tensorflow`."""
    start = time.perf_counter()
    importlib.import_module("tensorflow")
    return time.perf_counter() - start


def tfvae() -> float:
    """Seconds of `import tfvae` and making the default model."""
    start = time.perf_counter()
    importlib.import_module("tfvae").vae()
    return time.perf_counter() - start
