from .data import fig_1 as fig_1, fig_2 as fig_2, fig_s1 as fig_s1
from .errors import (
    error_against_uncertainty as error_against_uncertainty,
    fig_6a as fig_6a,
    fig_6b as fig_6b,
    fig_s3 as fig_s3,
    latent_map as latent_map,
    table_html as table_html,
    table_s2 as table_s2,
)
from .reconstructions import (
    fig_3a as fig_3a,
    fig_3b as fig_3b,
    fig_4a as fig_4a,
    fig_4b as fig_4b,
    fig_5a as fig_5a,
    fig_5b as fig_5b,
    fig_7a as fig_7a,
    fig_7b as fig_7b,
    fig_s4 as fig_s4,
    fig_s5 as fig_s5,
    fig_s6 as fig_s6,
    fig_s7 as fig_s7,
    fig_s8 as fig_s8,
    recalled_crops as recalled_crops,
)
