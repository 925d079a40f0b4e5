"""Configurations, manifests and clients, checked by official messages and schemas; a server, where there is one."""

import base64
import importlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from PIL import Image

import served
import tfvae
from faults import fault
from tfvae.serving import card
from tfvae.serving.blocks import ROWS

DEPLOY = served.ROOT / "deploy"
CONFIG = DEPLOY / "config"
MODEL = "mnist-vae-k1"
NO_MESSAGES = "tensorflow-serving-api is not installed"
FIELD = descriptor_pb2.FieldDescriptorProto

# tensorflow-serving-api brings the messages of models.config only. These are the other two, by the fields of
# tensorflow_serving/servables/tensorflow/session_bundle_config.proto and config/monitoring_config.proto.
MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": (1, "Int64Value"),
        "batch_timeout_micros": (2, "Int64Value"),
        "max_enqueued_batches": (3, "Int64Value"),
        "num_batch_threads": (4, "Int64Value"),
        "thread_pool_name": (5, "StringValue"),
        "allowed_batch_sizes": (6, FIELD.TYPE_INT64),
        "pad_variable_length_inputs": (7, FIELD.TYPE_BOOL),
    },
    "PrometheusConfig": {"enable": (1, FIELD.TYPE_BOOL), "path": (2, FIELD.TYPE_STRING)},
    "MonitoringConfig": {"prometheus_config": (1, "PrometheusConfig")},
}


def message(name):
    """An empty message of `MESSAGES`."""
    file = descriptor_pb2.FileDescriptorProto(name="serving.proto", package="tensorflow.serving", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    for of, fields in MESSAGES.items():
        description = file.message_type.add(name=of)
        for field, (number, kind) in fields.items():
            repeated = FIELD.LABEL_REPEATED if field == "allowed_batch_sizes" else FIELD.LABEL_OPTIONAL
            added = description.field.add(name=field, number=number, label=repeated)
            if isinstance(kind, str):
                package = "google.protobuf" if kind.endswith("Value") else "tensorflow.serving"
                added.type, added.type_name = FIELD.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tensorflow.serving.{name}"))()


def test_batches_are_whole_blocks_of_rows():
    found = text_format.Parse((CONFIG / "batching.config").read_text(), message("BatchingParameters"))
    sizes = list(found.allowed_batch_sizes)
    assert sizes == sorted(sizes) and sizes[-1] == found.max_batch_size.value  # which Serving demands
    assert all(size % ROWS == 0 for size in sizes)


def test_metrics_are_where_the_manifests_say():
    found = text_format.Parse((CONFIG / "monitoring.config").read_text(), message("MonitoringConfig"))
    assert found.prometheus_config.enable
    (deployment,) = [each for each in manifests() if each["kind"] == "Deployment"]
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == found.prometheus_config.path


def models_config(text):
    messages = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2", reason=NO_MESSAGES)
    return text_format.Parse(text, messages.ModelServerConfig()).model_config_list.config


@pytest.mark.parametrize(
    ("file", "labels"), [("models.config", {"stable": 1}), ("models.canary.config", {"stable": 1, "canary": 2})]
)
def test_labels_are_of_versions_that_are_served(file, labels):
    (config,) = models_config((CONFIG / file).read_text())
    assert dict(config.version_labels) == labels
    assert list(config.model_version_policy.specific.versions) == sorted(labels.values())
    assert (config.name, config.base_path) == (MODEL, f"/models/{MODEL}")
    assert (served.ROOT / "saved_models" / MODEL / str(labels["stable"]) / "saved_model.pb").is_file()


def manifests():
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


def test_the_cluster_has_the_configuration_of_the_files():
    data = next(each for each in manifests() if each["kind"] == "ConfigMap")["data"]
    assert data["monitoring.config"] == (CONFIG / "monitoring.config").read_text()
    of_file = re.sub(r"^#.*\n", "", (CONFIG / "models.canary.config").read_text())
    assert data["models.config"] == of_file


def test_manifests_are_valid():
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for each in manifests():
        validator.validate(each, "1.30", strict=True)
    broken = manifests()[2]
    broken["spec"]["template"]["spec"]["containers"][0]["imagee"] = "typo"
    with pytest.raises(validator.ValidationError):
        validator.validate(broken, "1.30", strict=True)


def test_the_compose_file_is_valid():
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(DEPLOY / "compose.yaml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_servers_cannot_change_the_models_and_have_limits():
    server = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["serving"]
    assert server["read_only"] and all(volume["read_only"] for volume in server["volumes"])
    assert set(server["deploy"]["resources"]["limits"]) == {"cpus", "memory"} and server["healthcheck"]
    assert all(port.startswith("127.0.0.1:") for port in server["ports"])
    for volume in server["volumes"]:
        assert (DEPLOY / volume["source"]).is_dir()
    (deployment,) = [each for each in manifests() if each["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert all(mount["readOnly"] for mount in container["volumeMounts"] if mount["name"] in ("models", "config"))
    assert container["resources"]["limits"] and container["securityContext"]["readOnlyRootFilesystem"]
    probes = [container[each]["httpGet"]["path"] for each in ("startupProbe", "readinessProbe")]
    assert set(probes) == {f"/v1/models/{MODEL}/labels/stable/metadata"}


def client(name, monkeypatch):
    monkeypatch.syspath_prepend(str(DEPLOY / "clients"))
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def png():
    return served.files(tfvae.datasets.load("mnist").test.images[:1])[0]


@pytest.fixture(scope="module")
def answered(png):
    """What the model says to the clients' requests, through the C API."""
    requests = {"reconstruct_bytes": {"image_bytes": np.array([png])}, "encode_bytes": {"image_bytes": [png, png]}}
    return served.answers(served.ROOT / "saved_models" / MODEL / "1", {"files": (2, requests)})["files"]


def test_the_rest_client_asks_and_reads_by_the_rules_of_json(png, answered, monkeypatch):
    """Rows as `instances`, files as {"b64": ...}; of one output the values alone; what is bytes by its name again b64.

    Source: TensorFlow Serving, RESTful API (g3doc/api_rest.md).
    """
    rest = client("rest", monkeypatch)
    request = json.loads(rest.body(png))
    assert set(request) == {"signature_name", "instances"}
    signature = card.read(served.ROOT / "saved_models" / MODEL)["signatures"][request["signature_name"]]
    (row,) = request["instances"]
    assert set(row) == set(signature["inputs"]) and all(name.endswith("_bytes") for name in row)
    assert base64.b64decode(row["image_bytes"]["b64"]) == png
    (name, values), *others = answered[request["signature_name"]].items()
    assert not others and name.endswith("_bytes")
    answer = {"predictions": [{"b64": base64.b64encode(each).decode()} for each in values.tolist()]}
    found = Image.open(io.BytesIO(rest.image_of(json.dumps(answer).encode())))
    assert found.size == (28, 28)


def test_the_grpc_client_speaks_the_official_messages(png, answered, monkeypatch):
    messages = pytest.importorskip("tensorflow_serving.apis.predict_pb2", reason=NO_MESSAGES)
    grpc_client = client("grpc_client", monkeypatch)
    sent = grpc_client.request_of([png, png]).SerializeToString()
    request = messages.PredictRequest.FromString(sent)
    assert (request.model_spec.name, request.model_spec.version_label) == (MODEL, "stable")
    assert tf.make_ndarray(request.inputs["image_bytes"]).tolist() == [png, png]
    expected = answered[request.model_spec.signature_name]
    response = messages.PredictResponse()
    for name, values in expected.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(values))
    found = grpc_client.codes_of(messages.PredictResponse.FromString(response.SerializeToString()))
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


@fault("tracebacks")
@pytest.mark.parametrize(
    ("name", "arguments", "code", "sentence"),
    [
        ("rest", [], 2, "rest.py: error: the following arguments are required: source, target"),
        ("rest", ["nothing.png", "out.png"], 1, "No such file or directory: 'nothing.png'."),
        ("rest", ["digit.png", "out.png"], 1, "No server answers at http://127.0.0.1:9: "),
        ("grpc_client", [], 2, "grpc_client.py: error: the following arguments are required: images"),
        ("grpc_client", ["nothing.png"], 1, "No such file or directory: 'nothing.png'."),
    ],
)
def test_a_client_without_arguments_file_or_server_ends_in_one_sentence(name, arguments, code, sentence, tmp_path):
    (tmp_path / "digit.png").write_bytes(b"x")
    run = (
        "import sys\n"
        f"sys.path.insert(0, {str(DEPLOY / 'clients')!r}); import {name}\n"
        f"{name}.SERVER = 'http://127.0.0.1:9'; sys.argv[0] = '{name}.py'; {name}.main()"
    )
    done = subprocess.run([sys.executable, "-c", run, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code and "Traceback" not in done.stderr
    assert sentence in done.stderr.strip().splitlines()[-1]


@pytest.mark.slow
def test_a_server_answers(png, monkeypatch):
    """The compose file with Docker, where it is."""
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    image = os.environ.get("SERVING_IMAGE", "tensorflow/serving:2.21.0")
    if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode:
        pytest.skip(f"the image {image} is not here")
    compose = ["docker", "compose", "-f", str(DEPLOY / "compose.yaml")]
    subprocess.run([*compose, "up", "--detach", "--wait"], check=True)
    try:
        rest = client("rest", monkeypatch)
        assert Image.open(io.BytesIO(rest.reconstruct(png))).size == (28, 28)
        with pytest.raises(SystemExit, match=r"^400: "):
            rest.reconstruct(b"no image")
        time.sleep(1)
        with urllib.request.urlopen(f"{rest.SERVER}/monitoring/prometheus/metrics", timeout=10) as response:
            assert b":tensorflow:serving:request_count" in response.read()
    finally:
        subprocess.run([*compose, "down"], check=True)
