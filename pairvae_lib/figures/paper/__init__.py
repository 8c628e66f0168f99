"""Every figure of the paper, and Table S2, by number: `figures.paper.fig_3a(curves)`. Saved results in, Figures out."""

from pairvae_lib.figures.paper.data import fig_1, fig_2, fig_s1
from pairvae_lib.figures.paper.errors import (
    error_against_uncertainty,
    fig_6a,
    fig_6b,
    fig_s3,
    latent_map,
    medians,
    table_s2,
)
from pairvae_lib.figures.paper.reconstructions import (
    fig_3a,
    fig_3b,
    fig_4a,
    fig_4b,
    fig_5a,
    fig_5b,
    fig_7a,
    fig_7b,
    fig_s4,
    fig_s5,
    fig_s6,
    fig_s7,
    fig_s8,
    recalled_crops,
)

__all__ = [
    "error_against_uncertainty", "fig_1", "fig_2", "fig_3a", "fig_3b", "fig_4a", "fig_4b", "fig_5a", "fig_5b",
    "fig_6a", "fig_6b", "fig_7a", "fig_7b", "fig_s1", "fig_s3", "fig_s4", "fig_s5", "fig_s6", "fig_s7",
    "fig_s8", "latent_map", "medians", "recalled_crops", "table_s2",
]
