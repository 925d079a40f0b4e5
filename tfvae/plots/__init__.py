"""Pictures: each function takes arrays and returns a matplotlib figure, and needs no display."""

from tfvae.plots.estimates import learning_curves, naive_estimates, weights
from tfvae.plots.images import image_grid, image_grids, manifold_grid, view_grid
from tfvae.plots.latents import latent_map, latent_rates, latent_report, latent_variances

__all__ = [
    "image_grid",
    "image_grids",
    "latent_map",
    "latent_rates",
    "latent_report",
    "latent_variances",
    "learning_curves",
    "manifold_grid",
    "naive_estimates",
    "view_grid",
    "weights",
]
