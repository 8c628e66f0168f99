from .beyond import (
    difference_rows as difference_rows,
    differences as differences,
    error_rows as error_rows,
    mean_errors as mean_errors,
    mean_scattering_errors as mean_scattering_errors,
    published_folder as published_folder,
    read_outcomes as read_outcomes,
    summary as summary,
)
from .ledger import (
    as_markdown as as_markdown,
    data_of as data_of,
    decided_claims as decided_claims,
    details_markdown as details_markdown,
    encoder_ledgers as encoder_ledgers,
    over_encoders as over_encoders,
    read_ledger as read_ledger,
)
from .published import published_results as published_results
from .study import (
    published_measured as published_measured,
    read_studies as read_studies,
)
