from . import paper as paper
from .assessment import (
    agreement_panels as agreement_panels,
    batch_errors as batch_errors,
    delivery_times as delivery_times,
    error_boxes as error_boxes,
    error_intervals as error_intervals,
    error_over_time as error_over_time,
    scalar_scatter as scalar_scatter,
    threshold_scores as threshold_scores,
    throughput_lines as throughput_lines,
    training_history as training_history,
)
from .claims import verdict_matrix as verdict_matrix
from .curves import (
    correlation_curves as correlation_curves,
    ensemble_bands as ensemble_bands,
    ensemble_correlation as ensemble_correlation,
    lineal_path_curves as lineal_path_curves,
    mean_correlation as mean_correlation,
    mean_lineal_path as mean_lineal_path,
)
from .drawing import draw_image as draw_image, draw_scattering as draw_scattering
from .images import (
    film_frame as film_frame,
    film_strip as film_strip,
    generated_ensemble as generated_ensemble,
    mask_columns as mask_columns,
    pairs_overview as pairs_overview,
    reconstructions as reconstructions,
    threshold_examples as threshold_examples,
    training_progress as training_progress,
)
from .pictures import png as png
from .selectors import grid_selector as grid_selector, stack_slider as stack_slider
from .style import (
    MORPHOLOGY_COLOURS as MORPHOLOGY_COLOURS,
    ROUTE_COLOURS as ROUTE_COLOURS,
    STYLE as STYLE,
    display_name as display_name,
)
