"""Results in JSON that carry a digest of their content, by which a change is noticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tfvae._support.inputs import digest

SEAL = "content_digest"


def seal(result: dict[str, Any]) -> dict[str, Any]:
    """Adds the digest of everything else in a result, which JSON must be able to hold."""
    return result | {SEAL: digest_of(_others(result))}


def is_unbroken(result: dict[str, Any], entry: str) -> bool:
    """Whether a result is as it was sealed; without an `entry` that came with seals it never was."""
    return result.get(SEAL) == digest_of(_others(result)) if {SEAL, entry} & result.keys() else True


def digest_of(content: Any) -> str:
    """16 hexadecimal digits of the SHA-256 of content as JSON; layout and the order of keys do not count."""
    as_read = json.loads(json.dumps(content))  # whose keys are text
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """16 hexadecimal digits of the SHA-256 of a file."""
    return digest(path)[:16]


def _others(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name != SEAL}
