"""The published model: the example's own, as a bundle in 16 bits, with what the latent explorer shows of it.

Of all that is published it is the one large thing, some 4 MB. The book's pictures at the paper's size come from it, and
readers run it in their browser; training it again takes over an hour.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from shutil import rmtree

from pairvae_lib.bundle import Bundle, Scaling, origin, save_bundle
from pairvae_lib.exploration import Exploration
from pairvae_lib.fitting import generator
from pairvae_lib.pairs import PreparedPairs
from pairvae_lib.records import write_json
from pairvae_lib.runs import Run
from pairvae_lib.shown import EXPLORATION, MODEL, PROVENANCE, published_root
from pairvae_lib.trained import pair_trained, split_pairs, starting_vaes

CARD = """# PairVAE of simulated pairs, profile {profile}

Trained on {n_train} of {n} simulated pairs of a scattering pattern ({scattering}) and a micrograph ({micrograph}), seed
{seed}; which samples, and which were held out, stands in `config.json`. Its errors on both lie beside this folder, in
`errors.json`; chapter 5 of the book shows them.

It is the example of the book, there to be looked at. It has seen no measured film: it says nothing about measured
patterns of {scattering}, and on those it must not be used. Numbers are stored in 16 bits. Licence: MIT.
"""


def save_published_model(run: Run, folder: Path) -> None:
    """Write a run's trained model, and what the explorer shows of it, into a folder of published results.

    Parameters
    ----------
    run : Run
        Of simulated pairs, trained.
    folder : Path
        That of the run among the published results.

    Raises
    ------
    MissingResult
        If the run was not trained.
    """
    pairs = PreparedPairs.load(run.require(run.pairs_file, "02_preprocessing"))
    split = split_pairs(pairs, run.seed, run.n_train, run.held_out)
    run.require(run.pair_file, "04_pair_vae")
    vaes = starting_vaes(pairs, split.train, run.settings, run.seed, run.solo_file, run.protocol)
    model, _ = pair_trained(vaes, pairs, split.train, run.settings, run.seed, run.pair_file)
    facts = origin(run.data_root.name, run.seed, pairs, split, protocol=run.protocol)
    bundle = Bundle(model, pairs.modalities, Scaling.of(pairs, run.settings.binarisation), run.profile, facts)
    scattering, micrograph = (modality.name for modality in pairs.modalities)
    card = CARD.format(profile=run.profile, n_train=len(split.train), n=len(pairs), seed=run.seed,
                       scattering=scattering, micrograph=micrograph)
    save_bundle(folder / MODEL, bundle, card, half=True)
    Exploration.of(model, pairs, split, generator(run.seed, "exploration")).save(folder / EXPLORATION)


def add_published_model(run: Run) -> Path:
    """Add the model to results of the same run that are published already, and to their provenance.

    Parameters
    ----------
    run : Run
        The example of what is published; a model that was there is replaced.

    Returns
    -------
    Path
        The folder of the model.

    Raises
    ------
    FileNotFoundError
        If nothing is published of this profile and data.
    MissingResult
        If the run was not trained.
    """
    root = published_root() / run.profile / run.data_root.name
    if not (root / PROVENANCE).is_file():
        raise FileNotFoundError(f"{root} holds no {PROVENANCE}: publish the results before their model")
    provenance = json.loads((root / PROVENANCE).read_text(encoding="utf-8"))
    name = run.pair_folder.relative_to(run.data_root).as_posix()
    if name != provenance["example"]:
        raise ValueError(f"the run must be the published example, {provenance['example']}; got {name}")
    rmtree(root / name / MODEL, ignore_errors=True)
    save_published_model(run, root / name)
    for path in (*sorted((root / name / MODEL).iterdir()), root / name / EXPLORATION):
        provenance["files"][path.relative_to(root).as_posix()] = sha256(path.read_bytes()).hexdigest()
    provenance["files"] = dict(sorted(provenance["files"].items()))
    write_json(root / PROVENANCE, provenance)
    return root / name / MODEL
