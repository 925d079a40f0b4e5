"""Runs signatures through the C API in a process where TensorFlow's Python, Keras, TFP and tfvae cannot be imported.

python c_api_child.py FOLDER REQUESTS.npz ANSWERS.npz

Requests are "CASE/SIZE/SIGNATURE/INPUT": rows that are sent in batches of that size. The answers are
"CASE/SIZE/SIGNATURE/OUTPUT"; what TensorFlow refuses has the output "error", its message.
"""

import sys

import numpy as np

for name in ("tensorflow.python", "keras", "tensorflow_probability", "tf_keras", "tfvae"):
    sys.modules[name] = None
import c_api  # noqa: E402

folder, requests, answers = sys.argv[1:]
model = c_api.SavedModel(folder)
given = {}
with np.load(requests) as archive:
    for key in archive.files:
        call, name = key.rsplit("/", 1)
        given.setdefault(call, {})[name] = archive[key]


def run(signature, size, inputs):
    rows = max(len(each) for each in inputs.values())
    parts = [
        model.run(signature, {name: each[start : start + size] for name, each in inputs.items()})
        for start in range(0, max(rows, 1), size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


found = {"signatures": np.array(sorted(model.signatures))}
for call, inputs in given.items():
    _, size, signature = call.split("/")
    try:
        outputs = run(signature, int(size), inputs)
    except RuntimeError as error:
        outputs = {"error": np.array(str(error))}
    for name, values in outputs.items():
        found[f"{call}/{name}"] = values.astype(bytes) if values.dtype == object else values
model.close()
assert "tensorflow" not in sys.modules
np.savez(answers, **found)
