"""The deterministic signatures in OpenVINO, which reads SavedModels with code of its own."""

import numpy as np
import pytest

import served
import tfvae
from tfvae.serving import saved_model
from tfvae.serving.answers import Answers
from tfvae.serving.signatures import DEFAULT, signatures

openvino = pytest.importorskip("openvino", reason="openvino is not installed")
MODEL = served.ROOT / "saved_models/mnist-vae-k1"
ROWS = 37  # two blocks and a part of one


def run(folder, rows):
    """The outputs in alphabetical order, in which TensorFlow numbers them: OpenVINO knows them by `...Call:NUMBER`."""
    core = openvino.Core()
    # It takes bfloat16 where a processor has it, which is 2 % off.
    compiled = core.compile_model(core.read_model(str(folder)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled([rows])
    return [found[output] for output in sorted(compiled.outputs, key=lambda each: min(each.get_names()))]


@pytest.mark.slow
def test_openvino_gives_the_same_answers(tmp_path):
    """OpenVINO reads the default signature only, so the others are saved as such."""
    answers = Answers(tfvae.load(MODEL / "model.keras"), 1)
    images = tfvae.datasets.load("mnist").test.images[:ROWS]
    z = np.random.default_rng(0).normal(size=(ROWS, 50)).astype("float32")
    found, _ = signatures(answers)
    cases = {"encode": images, "encode_float": np.float32(images / 255), "decode": z, "reconstruct_float": images / 255}
    for name, rows in cases.items():
        saved_model._save(answers.model, {DEFAULT: found[name]}, tmp_path / name)
        expected = getattr(answers, name.removesuffix("_float"))(rows)
        outputs = run(tmp_path / name, np.asarray(rows, rows.dtype if rows.dtype == np.uint8 else np.float32))
        for got, (output, values) in zip(outputs, sorted(expected.items()), strict=True):
            np.testing.assert_allclose(got, values, rtol=2e-4, atol=2e-5, err_msg=f"{name} {output}")


def test_openvino_reads_the_published_model():
    images = tfvae.datasets.load("mnist").test.images[:ROWS]
    (found,) = run(MODEL / "1", images)
    expected = Answers(tfvae.load(MODEL / "model.keras"), 1).reconstruct(images)["image"]
    np.testing.assert_allclose(found, expected, atol=2e-5)
