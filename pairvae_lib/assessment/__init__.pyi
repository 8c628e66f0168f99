from .ensemble_errors import (
    METRICS as METRICS,
    ensemble_statistics as ensemble_statistics,
    statistic_errors as statistic_errors,
)
from .ensembles import flow_answer as flow_answer
from .errors import (
    A2 as A2,
    INTENSITY as INTENSITY,
    S2 as S2,
    SUBSETS as SUBSETS,
    assess as assess,
    example_results as example_results,
    examples as examples,
    latent_results as latent_results,
    pair_reconstructions as pair_reconstructions,
    solo_reconstructions as solo_reconstructions,
)
