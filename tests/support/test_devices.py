"""GPUs' memory: all of them are told to take it as needed, in time, by every command that computes."""

import subprocess
import sys

import pytest
import tensorflow as tf

from tfvae._support import devices
from tfvae.app import cli


@pytest.fixture
def told(monkeypatch):
    """Two GPUs that note what they are told."""
    noted = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *told: noted.append(told))
    return noted


def test_every_gpu_is_told(told):
    devices.grow_memory()
    assert told == [("GPU:0", True), ("GPU:1", True)]


def test_it_is_no_fault_if_tensorflow_has_started(monkeypatch, told):
    def refuse(*_):
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", refuse)
    devices.grow_memory()


@pytest.mark.parametrize(
    "command", [["train", "--data", "broken.npz"], ["sample", "m.keras"], ["export", "m.keras", "out"]], ids=str
)
def test_the_commands_call_it_before_they_read_data_or_a_model(monkeypatch, tmp_path, command):
    """Each of them fails right afterwards: the files are broken."""
    monkeypatch.chdir(tmp_path)
    for name in ("broken.npz", "m.keras"):
        (tmp_path / name).write_bytes(b"no archive")
    called = []
    monkeypatch.setattr(devices, "grow_memory", lambda: called.append(True))
    with pytest.raises((OSError, ValueError)):
        cli.app(command, standalone_mode=False)
    assert called == [True]


@pytest.mark.slow
def test_importing_the_package_leaves_tensorflow_to_be_set_up():
    """Setting up a device is refused once TensorFlow has started, and with it its memory."""
    code = (
        "import tensorflow as tf, tfvae.app.run, tfvae.callbacks, tfvae._support.devices\n"
        "tfvae._support.devices.grow_memory()\n"
        "cpu = tf.config.list_physical_devices('CPU')[0]\n"
        "tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)\n"
        "print(len(tf.config.list_logical_devices('CPU')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["2"], done.stderr
