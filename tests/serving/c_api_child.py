"""Runs signatures through the C API in a process where TensorFlow's Python, Keras, TFP and tfvae cannot be imported.

python c_api_child.py FOLDER REQUESTS.npz ANSWERS.npz SIZE...

Each signature gets the rows of its inputs ("SIGNATURE/INPUT" in the file) in batches of each size; the answers are
"SIZE/SIGNATURE/OUTPUT". What TensorFlow refuses is "SIZE/SIGNATURE/error", its message.
"""

import sys

for name in ("tensorflow.python", "keras", "tensorflow_probability", "tf_keras", "tfvae"):
    sys.modules[name] = None

import c_api
import numpy as np

folder, requests, answers = sys.argv[1:4]
model = c_api.SavedModel(folder)
with np.load(requests) as archive:
    inputs = {}
    for key in archive.files:
        signature, name = key.split("/")
        inputs.setdefault(signature, {})[name] = archive[key]
found = {}
for size in map(int, sys.argv[4:]):
    for signature, given in inputs.items():
        rows = max(len(each) for each in given.values())
        try:
            parts = [
                model.run(signature, {name: each[start : start + size] for name, each in given.items()})
                for start in range(0, max(rows, 1), size)
            ]
        except RuntimeError as error:
            found[f"{size}/{signature}/error"] = np.array(str(error))
            continue
        for name in parts[0]:
            whole = np.concatenate([part[name] for part in parts])
            found[f"{size}/{signature}/{name}"] = whole.astype(bytes) if whole.dtype == object else whole
model.close()
assert "tensorflow" not in sys.modules
found["signatures"] = np.array(sorted(model.signatures))
np.savez(answers, **found)
