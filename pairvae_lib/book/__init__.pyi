from .bands import (
    agreement as agreement,
    conclusion_table as conclusion_table,
)
from .explorer.examples import Exploration as Exploration, FlowExploration as FlowExploration
from .explorer.widget import (
    explored_models as explored_models,
    flow_explorer as flow_explorer,
    latent_explorer as latent_explorer,
)
