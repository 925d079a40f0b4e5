"""Encodes a PNG file by TensorFlow Serving's gRPC interface: pip install tensorflow-serving-api grpcio

python deploy/clients/grpc_client.py digit.png
"""

import argparse
from pathlib import Path
from typing import Any

SERVER, MODEL, LABEL = "localhost:8500", "mnist-vae-k1", "stable"
TIMEOUT = 10  # seconds


def request_of(pngs: list[bytes]) -> Any:
    """A request for some images at once."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.version_label = MODEL, LABEL
    request.model_spec.signature_name = "encode_bytes"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(pngs, tf.string))
    return request


def codes_of(response: Any) -> dict[str, Any]:
    """Mean and standard deviation of q(z|x), arrays `[B, D]`."""
    import tensorflow as tf

    return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}


def encode(pngs: list[bytes]) -> dict[str, Any]:
    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    with grpc.insecure_channel(SERVER) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            return codes_of(stub.Predict(request_of(pngs), timeout=TIMEOUT))
        except grpc.RpcError as error:  # no server, or one that says why it refuses
            raise SystemExit(f"{SERVER}: {error.code().name}: {error.details()}") from None


def main() -> None:
    parser = argparse.ArgumentParser(description="Encodes PNG files by TensorFlow Serving's gRPC interface.")
    parser.add_argument("images", type=Path, nargs="+", help="PNG files of the size that the model takes")
    try:
        print(encode([path.read_bytes() for path in parser.parse_args().images]))
    except ImportError as error:
        raise SystemExit(f"{error}: pip install tensorflow-serving-api grpcio") from None
    except OSError as error:
        raise SystemExit(f"{error}.") from None


if __name__ == "__main__":
    main()
