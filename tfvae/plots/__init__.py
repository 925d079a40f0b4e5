"""Pictures: each function takes arrays and returns a matplotlib figure, and needs no display."""

from tfvae.plots.classes import classes
from tfvae.plots.estimates import learning_curves, naive_estimates, pareto, weights
from tfvae.plots.images import image_grid, image_grids, manifold_grid, view_grid
from tfvae.plots.latents import latent_map, latent_maps, latent_rates, latent_report, latent_variances
from tfvae.plots.lines import lines
from tfvae.plots.style import is_line_art, png, svg

__all__ = [
    "classes",
    "image_grid",
    "image_grids",
    "is_line_art",
    "latent_map",
    "latent_maps",
    "latent_rates",
    "latent_report",
    "latent_variances",
    "learning_curves",
    "lines",
    "manifold_grid",
    "naive_estimates",
    "pareto",
    "png",
    "svg",
    "view_grid",
    "weights",
]
