"""The command line: one command per job; each module but `laboratory` hangs up its own on `program.app`."""

import pairvae_lib.cli.book as book
import pairvae_lib.cli.data as data
import pairvae_lib.cli.models as models
import pairvae_lib.cli.predictions as predictions
from pairvae_lib.cli.program import app, main

__all__ = ["app", "book", "data", "main", "models", "predictions"]
