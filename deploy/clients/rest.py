"""Reconstructs a PNG file by TensorFlow Serving's REST interface; needs nothing but Python.

python deploy/clients/rest.py digit.png reconstruction.png
"""

import argparse
import base64
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path

SERVER, MODEL, LABEL = "http://localhost:8501", "mnist-vae-k1", "stable"
TIMEOUT = 10  # seconds


def body(png: bytes) -> bytes:
    """A request for one image; files are `{"b64": ...}`, because JSON holds no bytes."""
    row = {"image_bytes": {"b64": base64.b64encode(png).decode()}}
    return json.dumps({"signature_name": "reconstruct_bytes", "instances": [row]}).encode()


def image_of(answer: bytes) -> bytes:
    """The PNG file in an answer: a signature with one output gives its values without a name."""
    (prediction,) = json.loads(answer)["predictions"]
    return base64.b64decode(prediction["b64"])


def reconstruct(png: bytes) -> bytes:
    url = f"{SERVER}/v1/models/{MODEL}/labels/{LABEL}:predict"
    request = urllib.request.Request(url, body(png), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return image_of(response.read())
    except urllib.error.HTTPError as error:  # 400 for what is no image; the server says why
        raise SystemExit(f"{error.code}: {error.read().decode()}") from None


def main() -> None:
    parser = argparse.ArgumentParser(description="Reconstructs a PNG file by TensorFlow Serving's REST interface.")
    parser.add_argument("source", type=Path, help="a PNG file of the size that the model takes")
    parser.add_argument("target", type=Path, help="the PNG file to write")
    files = parser.parse_args()
    try:
        files.target.write_bytes(reconstruct(files.source.read_bytes()))
    except urllib.error.URLError as error:
        raise SystemExit(f"No server answers at {SERVER}: {error.reason}.") from None
    except (ValueError, LookupError, TypeError, RecursionError, http.client.HTTPException) as error:
        raise SystemExit(f"{SERVER} does not answer as TensorFlow Serving does: {error!r}.") from None
    except OSError as error:  # of the files, or of a connection that ends
        raise SystemExit(f"{error}.") from None


if __name__ == "__main__":
    main()
