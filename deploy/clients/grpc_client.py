"""Encodes a PNG file by TensorFlow Serving's gRPC interface: pip install tensorflow-serving-api grpcio

python deploy/clients/grpc_client.py digit.png
"""

import sys
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

SERVER, MODEL, LABEL = "localhost:8500", "mnist-vae-k1", "stable"
TIMEOUT = 10  # seconds


def request_of(pngs: list[bytes]) -> Any:
    """A request for some images at once."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.version_label = MODEL, LABEL
    request.model_spec.signature_name = "encode_bytes"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(pngs, tf.string))
    return request


def codes_of(response: Any) -> dict[str, Any]:
    """Mean and standard deviation of q(z|x), arrays `[B, D]`."""
    return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}


def encode(pngs: list[bytes]) -> dict[str, Any]:
    with grpc.insecure_channel(SERVER) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return codes_of(stub.Predict(request_of(pngs), timeout=TIMEOUT))


if __name__ == "__main__":
    print(encode([Path(name).read_bytes() for name in sys.argv[1:]]))
