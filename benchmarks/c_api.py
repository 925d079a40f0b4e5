"""SavedModels through TensorFlow's C API: the loader that TensorFlow Serving calls, without TensorFlow's Python.

The library is that of the pip package, which is found but not imported.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_STRING = 7
_TYPES = {1: np.float32, 2: np.float64, 3: np.int32, 4: np.uint8, 9: np.int64}  # TensorFlow's numbers
_NUMBERS = {np.dtype(kind): number for number, kind in _TYPES.items()}
_STRING_BYTES = 24  # of a TF_TString


class Output(ctypes.Structure):
    """`TF_Output`: one output of an operation."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class Buffer(ctypes.Structure):
    """`TF_Buffer`."""

    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p)]


def _library() -> ctypes.CDLL:
    found = importlib.util.find_spec("tensorflow")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("TensorFlow is not installed.")
    folder = Path(found.submodule_search_locations[0])
    # Not RTLD_GLOBAL: the library has an OpenSSL of its own, which Python's `hashlib` would then call.
    library = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"))
    pointers = (
        "TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_NewBuffer", "TF_LoadSessionFromSavedModel",
        "TF_GraphOperationByName", "TF_AllocateTensor", "TF_TensorData", "TF_StringGetDataPointer",
    )  # fmt: skip
    for name in pointers:
        getattr(library, name).restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    library.TF_StringGetSize.restype = library.TF_TensorByteSize.restype = ctypes.c_size_t
    return library


class SavedModel:
    """A SavedModel with the tag "serve", loaded.

    Args:
        folder: with saved_model.pb.

    Attributes:
        signatures: for each name, the tensors of inputs and outputs by name: `{"inputs": {...}, "outputs": {...}}`.

    Raises:
        RuntimeError: it cannot be loaded; with TensorFlow's message.
    """

    def __init__(self, folder: str | Path):
        self._library = _library()
        call = self._library
        self._graph, options, meta = call.TF_NewGraph(), call.TF_NewSessionOptions(), call.TF_NewBuffer()
        tags = (ctypes.c_char_p * 1)(b"serve")
        with self._status() as status:
            self._session = call.TF_LoadSessionFromSavedModel(
                ctypes.c_void_p(options), None, str(folder).encode(), tags, 1, ctypes.c_void_p(self._graph),
                ctypes.c_void_p(meta), status,
            )  # fmt: skip
        buffer = Buffer.from_address(meta)
        self.signatures = _signatures(ctypes.string_at(buffer.data, buffer.length))
        call.TF_DeleteBuffer(ctypes.c_void_p(meta))
        call.TF_DeleteSessionOptions(ctypes.c_void_p(options))

    def run(self, signature: str, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
        """The outputs of a signature by name; strings are arrays of `bytes`, of type object.

        Raises:
            KeyError: there is no such signature or input.
            RuntimeError: TensorFlow refuses the inputs; with its message.
        """
        found, call = self.signatures[signature], self._library
        if set(inputs) != set(found["inputs"]):
            raise KeyError(f"{signature} takes {sorted(found['inputs'])}; received {sorted(inputs)}.")
        fed = [self._output(found["inputs"][name]) for name in inputs]
        wanted = [self._output(tensor) for tensor in found["outputs"].values()]
        given = [self._tensor(np.asarray(value)) for value in inputs.values()]
        got = (ctypes.c_void_p * len(wanted))()
        try:
            with self._status() as status:
                call.TF_SessionRun(
                    ctypes.c_void_p(self._session), None,
                    (Output * len(fed))(*fed), (ctypes.c_void_p * len(given))(*given), len(fed),
                    (Output * len(wanted))(*wanted), got, len(wanted), None, 0, None, status,
                )  # fmt: skip
            return {name: self._array(tensor) for name, tensor in zip(found["outputs"], got, strict=True)}
        finally:
            for tensor in [*given, *got]:
                call.TF_DeleteTensor(ctypes.c_void_p(tensor))

    def close(self) -> None:
        """Frees the session and the graph."""
        with self._status() as status:
            self._library.TF_DeleteSession(ctypes.c_void_p(self._session), status)
        self._library.TF_DeleteGraph(ctypes.c_void_p(self._graph))

    def _output(self, tensor: str) -> Output:
        name, index = tensor.rsplit(":", 1)
        operation = self._library.TF_GraphOperationByName(ctypes.c_void_p(self._graph), name.encode())
        if not operation:
            raise RuntimeError(f"The graph has no operation {name}.")
        return Output(operation, int(index))

    def _tensor(self, array: np.ndarray) -> int:
        """A TensorFlow tensor with the values of an array."""
        call, is_string = self._library, array.dtype.kind in "OS"
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        number = _STRING if is_string else _NUMBERS[array.dtype]
        length = array.size * _STRING_BYTES if is_string else array.nbytes
        tensor = call.TF_AllocateTensor(number, shape, array.ndim, ctypes.c_size_t(length))
        data = call.TF_TensorData(ctypes.c_void_p(tensor))
        if not is_string:
            contiguous = np.ascontiguousarray(array)
            ctypes.memmove(data, contiguous.ctypes.data, length)
            return tensor
        for index, value in enumerate(array.ravel().tolist()):
            place = ctypes.c_void_p(data + index * _STRING_BYTES)
            call.TF_StringInit(place)
            call.TF_StringCopy(place, value, ctypes.c_size_t(len(value)))
        return tensor

    def _array(self, tensor: int) -> np.ndarray:
        call, pointer = self._library, ctypes.c_void_p(tensor)
        shape = [call.TF_Dim(pointer, axis) for axis in range(call.TF_NumDims(pointer))]
        data, number = call.TF_TensorData(pointer), call.TF_TensorType(pointer)
        if number != _STRING:
            raw = ctypes.string_at(data, call.TF_TensorByteSize(pointer)) if data else b""
            return np.frombuffer(raw, _TYPES[number]).reshape(shape)
        places = [ctypes.c_void_p(data + index * _STRING_BYTES) for index in range(int(np.prod(shape)))]
        values = [ctypes.string_at(call.TF_StringGetDataPointer(each), call.TF_StringGetSize(each)) for each in places]
        return np.array([*values, None], object)[:-1].reshape(shape)

    def _status(self) -> _Status:
        return _Status(self._library)


class _Status:
    """`TF_Status`, whose error is raised at the end of the block."""

    def __init__(self, library: ctypes.CDLL):
        self._library = library

    def __enter__(self) -> ctypes.c_void_p:
        self._pointer = ctypes.c_void_p(self._library.TF_NewStatus())
        return self._pointer

    def __exit__(self, *error: object) -> None:
        message = self._library.TF_Message(self._pointer).decode() if self._library.TF_GetCode(self._pointer) else None
        self._library.TF_DeleteStatus(self._pointer)
        if message is not None:
            raise RuntimeError(message)


def _signatures(meta_graph: bytes) -> dict[str, dict[str, dict[str, str]]]:
    """What stands in a MetaGraphDef about signatures (its field 5), read from the bytes: the messages' Python classes
    would come with TensorFlow."""
    found = {}
    for entry in _field(meta_graph, 5):
        (name,), (signature,) = _field(entry, 1), _field(entry, 2)
        found[name.decode()] = {"inputs": _tensors(signature, 1), "outputs": _tensors(signature, 2)}
    return {name: each for name, each in found.items() if not name.startswith("__")}


def _tensors(signature: bytes, number: int) -> dict[str, str]:
    """The names of the tensors of a map from strings to TensorInfo."""
    pairs = [(*_field(entry, 1), *_field(entry, 2)) for entry in _field(signature, number)]
    return {key.decode(): _field(info, 1)[0].decode() for key, info in pairs}


def _field(message: bytes, wanted: int) -> list[bytes]:
    return [value for number, value in _fields(message) if number == wanted]


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message that have a length, in Protocol Buffers' wire format; numbers are passed over."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        match key & 7:
            case 0:
                _, place = _varint(message, place)
            case 1:
                place += 8
            case 2:
                length, place = _varint(message, place)
                yield key >> 3, message[place : place + length]
                place += length
            case 5:
                place += 4
            case kind:
                raise ValueError(f"A field of the unknown kind {kind} in a message.")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
