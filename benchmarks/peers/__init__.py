"""The same models and the same work in other frameworks, and in tfvae.

One module each, with functions of the same names:

    parameters(case) -> int: trainable numbers of a model as the module makes it
    loss(case, weights, raw, draws) -> float: mean loss of a batch for given weights and random numbers
    train(case, images, variant) -> float: seconds of the timed epochs

and where a benchmark asks for it `log_likelihood`, `sample` and `first_step`. `variant` chooses between ways of doing
the same work that the framework offers; each module says which there are.
"""
