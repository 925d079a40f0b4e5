"""From a trained model to TensorFlow Serving: a SavedModel that needs none of the packages that made it.

Nothing is imported here, so that `tfvae card` reads a card without TensorFlow.
"""
