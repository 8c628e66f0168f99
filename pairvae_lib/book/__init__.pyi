from .bands import (
    agreement as agreement,
    conclusion_table as conclusion_table,
)
from .claims_table import (
    claims_table as claims_table,
    published_claims_table as published_claims_table,
)
from .explorer.examples import Exploration as Exploration, FlowExploration as FlowExploration
from .explorer.training import training_scrub as training_scrub
from .explorer.widget import (
    explored_models as explored_models,
    flow_explorer as flow_explorer,
    latent_explorer as latent_explorer,
)
from .explorer.window import crop_window as crop_window
from .publish import what_is_published as what_is_published
