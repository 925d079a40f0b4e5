"""Metadata and dependencies of tfvae; the tools' settings are in `pyproject.toml`.

A lower bound is the oldest minor version that the tests have run with. The exact versions that CI installs are in
`constraints.txt`.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
# Read, not imported: importing tfvae would need its dependencies, which are not installed yet.
VERSION = re.search(r'^__version__ = "(.+)"$', (ROOT / "tfvae/_version.py").read_text(encoding="utf-8"), re.M)[1]

DEPENDENCIES = [
    "tensorflow>=2.21",
    "keras>=3.12",  # 3.12 is the newest on Python 3.10; newer Pythons get a newer one
    "tensorflow-probability>=0.25",  # the distributions
    "tf-keras>=2.21",  # only because TensorFlow Probability imports it without declaring it
    "h5py>=3.14",  # weights, which Keras writes by it: their sizes are looked at before it reads them
    "setuptools",  # TensorFlow Probability imports distutils, which Python >= 3.12 finds only in setuptools
    "tensorflow-datasets>=4.9.10",  # the datasets that are not embedded
    "importlib_resources",  # TensorFlow Datasets imports it without declaring it
    "matplotlib>=3.10",  # the plots
    "pillow>=12.3",  # folders of images
    "scipy>=1.15",  # .mat files; 1.15 is the newest on Python 3.10
    "scikit-learn>=1.7",  # the probes of a representation; 1.7 is the newest on Python 3.10
    "threadpoolctl>=3.8",  # which scikit-learn needs too: its threads
    "numpy>=2.2",  # 2.2 is the newest on Python 3.10
    "click>=8.3",  # the command line
    "pydantic>=2.12",  # checks options of the command line, YAML and recipes
    "annotated-types>=0.7",  # bounds of options; Pydantic needs it too
    "pyyaml>=6.0",  # the command line's settings
]

TEST = [
    "pytest>=9.2",
    "pytest-xdist>=3.8",  # runs the tests in two processes
    "hypothesis>=6.168",
    'arviz-stats>=0.8; python_version >= "3.11"',  # what the Pareto shape is compared with
    "build>=1.6",  # with setuptools, for the slow test that installs a wheel
    "setuptools>=70.1",  # the first that builds wheels without the package wheel
    # The notebooks are also run as tests.
    "nbclient>=0.11",
    "nbformat>=5.11",
    "ipykernel>=7.3",
]

# TensorFlow Serving's own messages, for the warm-up requests of an export and for gRPC clients.
SERVING = ["tensorflow-serving-api>=2.21"]

# Official messages and schemas that what is exported for TensorFlow Serving is checked by.
SERVING_TEST = [
    *SERVING,
    "kubernetes-validate>=1.37",  # schemas of Kubernetes
    'check-jsonschema>=0.39; python_version >= "3.11"',  # schemas of Docker Compose
    "openvino>=2026.4",  # another runtime that reads SavedModels
    "ai-edge-litert>=2.3",  # the runtime of LiteRT files
]

NOTEBOOK = ["jupytext>=1.19", "nbclient>=0.11", "nbformat>=5.11", "ipykernel>=7.3"]

# Only what the benchmarks compare with.
BENCH = [
    "torch>=2.13",  # the framework that most people would write a VAE in
    'jax>=0.10; python_version >= "3.11"',  # the same compiler, XLA, without TensorFlow and Keras around it
    "pythae>=0.1.2",  # the other library of VAEs, with its own models and trainer
    "openvino>=2026.4",  # the other runtime that reads SavedModels
]

setup(
    name="tfvae",
    version=VERSION,
    description="Variational autoencoders in Keras 3, TensorFlow and TensorFlow Probability",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.10,<3.14",  # TensorFlow 2.21 has wheels for exactly these
    packages=find_packages(include=["tfvae", "tfvae.*"]),
    package_data={"tfvae": ["py.typed"], "tfvae.datasets": ["data/*"], "tfvae.evaluation.digits": ["data/*"]},
    install_requires=DEPENDENCIES,
    extras_require={
        "test": TEST,
        "notebook": NOTEBOOK,
        "dev": [*TEST, *SERVING_TEST, *NOTEBOOK, "ruff>=0.17", "mypy>=2.4", "types-PyYAML>=6.0"],
        # TensorFlow's own extra: the CUDA libraries that its wheel for Linux needs; without them a GPU is not used.
        "gpu": ["tensorflow[and-cuda]>=2.21"],
        "bench": BENCH,
        "serving": SERVING,
        "serving-test": SERVING_TEST,
    },
    entry_points={"console_scripts": ["tfvae = tfvae.app.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
