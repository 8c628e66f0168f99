"""Profiles, and every number of the paper with its unit and source.

"Paper" is Lu and Jayaraman, JACS Au 2023. "Public notebooks" are the authors' own (TensorFlow), from which only
facts were taken; the Supporting Information is not public. Where the two disagree, the comment says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

Likelihood = Literal["bernoulli", "gaussian"]
EncoderName = Literal["cnn", "barlow_cnn", "narrow_resnet", "resnet50"]
CropSchedule = Literal["per_epoch", "replayed", "bank"]
Protocol = Literal["two_phase", "direct", "one_crop", "ten_crops", "all_crops"]
Precision = Literal["auto", "fp32", "bf16"]

PX_PER_LATENT_CELL = 32  # px: both the paper's ResNet-50 and our CNNs halve the image five times
PAPER_LATENTS = 6 * 6 * 32  # 192 px images, 32 channels per cell; public notebooks


@dataclass(frozen=True)
class Binarisation:
    """Grey micrograph to mask, as in the public notebooks: blur, local mean threshold, majority smoothing."""

    blur_sigma: float = 1.0  # px; a 5 x 5 Gaussian window
    window: int = 15  # px; one assessment notebook has 25, training and Fig. 6 use 15
    offset: float = 2.0  # grey levels of 255 below the local mean
    smooth_sigma: float = 1.1  # px; a 5 x 5 Gaussian window on the 0/1 image, then >= 0.5


@dataclass(frozen=True)
class Simulation:
    """How many pairs the embedded simulator draws, and how large (see `pairvae_lib.data.simulation`)."""

    size: Literal["quick", "full"] = "full"
    n_pairs: int = 72  # the paper's number of SAXS-SEM pairs
    seed: int = 2023


@dataclass(frozen=True)
class Architecture:
    """Encoder and decoders; decoder numbers by likelihood: bernoulli is the paper's SEM, gaussian its SAXS."""

    # The paper: a frozen ResNet-50, pretrained on images that are not public. Ours: see "the encoder" in deviations.
    encoder: EncoderName = "narrow_resnet"
    encoder_channels: tuple[int, ...] = (16, 32, 64, 128, 128)  # ours; five stride-2 convolutions
    hidden: int = 32  # units of the first dense layer, per latent cell; public notebooks
    latent_channels: int = 32  # per latent cell; public notebooks
    decoder_filters: dict[Likelihood, int] = field(default_factory=lambda: {"bernoulli": 32, "gaussian": 8})
    decoder_kernel: dict[Likelihood, int] = field(default_factory=lambda: {"bernoulli": 15, "gaussian": 5})  # px
    # A safetensors file of either ResNet. None: the narrow one's shipped weights, random weights of the ResNet-50.
    backbone_weights: str | None = None
    # 3: patterns are seen, drawn and assessed in the colours of the published files, as the paper's are. 1: intensity.
    pattern_channels: Literal[1, 3] = 1


@dataclass(frozen=True)
class BarlowPretraining:
    """Barlow Twins pretraining of `barlow_cnn`, then frozen: the paper's own idea on this data set's micrographs."""

    steps: int = 300
    batch_size: int = 32  # the paper: 8 images of 512 px
    projector: tuple[int, ...] = (128, 64, 1024)  # public notebooks
    noise: float = 0.15  # standard deviation, in units of the image range
    learning_rate: float = 1e-3
    redundancy_weight: float = 5e-3


@dataclass(frozen=True)
class SoloTraining:
    """Solo training of one VAE."""

    epochs: dict[Likelihood, int] = field(default_factory=lambda: {"bernoulli": 1000, "gaussian": 500})
    batch_size: int = 8  # the last incomplete batch is dropped
    learning_rate: float = 1e-3  # Adam
    adam_eps: float = 1e-7  # Keras' default
    # Per nat, against the mean over pixels, at PAPER_LATENTS latents. The notebooks say 1e-6; Keras adds it twice.
    kl_weight: dict[Likelihood, float] = field(default_factory=lambda: {"bernoulli": 2e-6, "gaussian": 2e-6})
    # "per_epoch" is the paper's words; "replayed" is what its notebook does as it stands; "bank": BANK_CROPS an image.
    crops: CropSchedule = "per_epoch"


@dataclass(frozen=True)
class PairTraining:
    """Pair training of both VAEs: random crops first, then 'focused' epochs on the last crop.

    The weights are keyed by the likelihood of the reconstructed image: a cross route into "bernoulli" is the
    paper's SAXS->SEM, into "gaussian" its SEM->SAXS. There is no KL term.
    """

    random_crop_epochs: int = 100  # the text; 101 by the notebook's `<=`
    focused_epochs: int = 1000
    batch_size: int = 8
    learning_rate: float = 1e-3  # one Adam over all trainable parameters
    adam_eps: float = 1e-7
    barlow_weight: float = 5e-3
    redundancy_weight: float = 5e-3  # off-diagonal against diagonal, both MEANS; the official form sums
    self_weight: dict[Likelihood, float] = field(default_factory=lambda: {"bernoulli": 4e-2, "gaussian": 4e-2})
    cross_weight: dict[Likelihood, float] = field(default_factory=lambda: {"bernoulli": 4e-1, "gaussian": 1.0})

    @property
    def epochs(self) -> int:
        """Epochs of both phases together."""
        return self.random_crop_epochs + self.focused_epochs


@dataclass(frozen=True)
class Assessment:
    """What the error tables and the generated ensembles are computed on."""

    crops: int = 10  # random crops per full micrograph; paper, Fig. 6
    generated: int = 100  # micrographs per example; paper, Fig. 7B


@dataclass(frozen=True)
class Profile:
    """One coherent choice of sizes: everything that a run does, but its data, seed and number of training pairs."""

    name: str
    image_size: int = 192  # px; crops of the micrograph, and the pattern after resizing
    precision: Precision = "auto"  # of training; assessment is in fp32
    simulation: Simulation = Simulation()
    architecture: Architecture = Architecture()
    barlow: BarlowPretraining = BarlowPretraining()
    solo: SoloTraining = SoloTraining()
    pair: PairTraining = PairTraining()
    assessment: Assessment = Assessment()
    binarisation: Binarisation = Binarisation()

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Shape of a latent, (channels, rows, columns)."""
        cells = self.image_size // PX_PER_LATENT_CELL
        return (self.architecture.latent_channels, cells, cells)

    @property
    def profile_points(self) -> int:
        """Points of a 1-D scattering profile: as many per latent cell as an image has pixels along a side of it."""
        cells = self.image_size // PX_PER_LATENT_CELL
        return PX_PER_LATENT_CELL * cells * cells


PAPER = Profile("paper", architecture=Architecture(pattern_channels=3))

# How much larger squared differences of patterns are in colours than in intensity (72 full pairs of seed 2023: the mean
# pattern errs by .00818 and .00183). Losses of intensities are weighed so much more, which is the paper's balance.
COLOURS_TO_INTENSITY = 4.5

# The paper's pairs and training sizes on smaller images, with a lighter SEM decoder and half of the epochs of all
# trainings with micrographs: minutes a model. Patterns are intensities, as measured ones are.
STANDARD = replace(
    PAPER,
    name="standard",
    image_size=128,
    architecture=replace(
        PAPER.architecture,
        pattern_channels=1,
        decoder_filters={"bernoulli": 16, "gaussian": 8},
        decoder_kernel={"bernoulli": 9, "gaussian": 5},
    ),
    solo=replace(
        PAPER.solo,
        epochs={"bernoulli": 500, "gaussian": 500},
        kl_weight=PAPER.solo.kl_weight | {"gaussian": PAPER.solo.kl_weight["gaussian"] / COLOURS_TO_INTENSITY},
    ),
    pair=replace(
        PAPER.pair,
        random_crop_epochs=50,
        focused_epochs=500,
        self_weight=PAPER.pair.self_weight | {"gaussian": PAPER.pair.self_weight["gaussian"] * COLOURS_TO_INTENSITY},
        cross_weight=PAPER.pair.cross_weight | {"gaussian": PAPER.pair.cross_weight["gaussian"] * COLOURS_TO_INTENSITY},
    ),
)

QUICK = Profile(
    "quick",
    image_size=64,
    precision="fp32",  # what is compared with committed numbers must not depend on the processor's kind
    simulation=Simulation(size="quick", n_pairs=36),
    architecture=Architecture(
        encoder="cnn",
        encoder_channels=(16, 32, 64, 64, 64),
        decoder_filters={"bernoulli": 16, "gaussian": 8},
        decoder_kernel={"bernoulli": 9, "gaussian": 5},
    ),
    solo=replace(PAPER.solo, epochs={"bernoulli": 200, "gaussian": 600}),
    pair=replace(PAPER.pair, random_crop_epochs=25, focused_epochs=250),
    assessment=Assessment(crops=4, generated=32),
)

# Only for the project's own end-to-end test: every step runs, nothing is learnt.
TINY = replace(
    QUICK,
    name="tiny",
    image_size=32,
    simulation=Simulation(size="quick", n_pairs=12),
    solo=replace(QUICK.solo, epochs={"bernoulli": 3, "gaussian": 3}),
    pair=replace(QUICK.pair, random_crop_epochs=2, focused_epochs=2),
    assessment=Assessment(crops=2, generated=4),
)

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (TINY, QUICK, STANDARD, PAPER)}

BANK_CROPS = 8  # crops of an image in a bank: CropSchedule "bank"
PROTOCOLS: dict[Protocol, str] = {  # those compared in the paper's Fig. S3
    "direct": "directly pair training, without solo training",
    "two_phase": "random crops for a tenth of the focused epochs",  # 100 of 1100; the default
    "one_crop": "one crop",
    "ten_crops": "random crops for a hundredth of the focused epochs",  # 10
    "all_crops": "random crops in all epochs",
}
# Losses at the end of pair training, read off the paper's Fig. S3: Barlow; squared error of colours; nats per pixel.
PAPER_FINAL_LOSSES = {
    "barlow": 0.09, "saxs_to_saxs": 0.005, "sem_to_saxs": 0.0025, "sem_to_sem": 0.33, "saxs_to_sem": 0.04
}
PAPER_SEEDS = (42, 43, 44, 45, 46)
PAPER_TRAINING_SIZES = (32, 48, 64)  # of 72 pairs
LARGEST_SEED = 2**63 - 1  # that all generators take
TRAINING_FRACTION = 2 / 3  # 48 of 72, the size of the paper's Fig. 3-5 and 7


def protocol_settings(pair: PairTraining, protocol: Protocol) -> PairTraining:
    """Settings of pair training for one of the PROTOCOLS, with as many epochs in all.

    Raises
    ------
    ValueError
        If there is no such protocol.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}; got {protocol!r}")
    random_crops = {"one_crop": 1, "ten_crops": max(1, round(pair.random_crop_epochs / 10)), "all_crops": pair.epochs}
    first = random_crops.get(protocol, pair.random_crop_epochs)
    return replace(pair, random_crop_epochs=first, focused_epochs=pair.epochs - first)


def profile_named(name: str) -> Profile:
    """The profile of that name; `<profile>-<encoder>` is the same with another encoder.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name in PROFILES:
        return PROFILES[name]
    base, _, encoder = name.partition("-")
    if base not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}; got {name!r}")
    if encoder not in (encoders := get_args(EncoderName)):
        raise ValueError(f"profile {name!r} must name an encoder after {base!r}: one of {', '.join(encoders)}")
    profile = PROFILES[base]
    architecture = replace(profile.architecture, encoder=encoder)  # type: ignore[arg-type]
    return replace(profile, name=name, architecture=architecture)
