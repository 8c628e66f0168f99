"""Profiles, and every number of the paper with its unit and source.

"Paper" is Lu and Jayaraman, JACS Au 2023. "Public notebooks" are the authors' own (TensorFlow), from which only
facts were taken; the Supporting Information is not public. Where the two disagree, the comment says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Likelihood = Literal["bernoulli", "gaussian"]
EncoderName = Literal["cnn", "barlow_cnn", "resnet50"]
CropSchedule = Literal["per_epoch", "replayed", "bank"]
Protocol = Literal["two_phase", "direct", "one_crop", "ten_crops", "all_crops"]
Precision = Literal["auto", "fp32", "bf16"]
Symmetry = Literal["half_turn", "dihedral"]

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
    """How many pairs the embedded simulator draws, and how large (see `pairvae_lib.simulation`)."""

    size: Literal["quick", "full"] = "full"
    n_pairs: int = 72  # the paper's number of SAXS-SEM pairs
    seed: int = 2023


@dataclass(frozen=True)
class Architecture:
    """Encoder and decoders; decoder numbers by likelihood: bernoulli is the paper's SEM, gaussian its SAXS."""

    encoder: EncoderName = "barlow_cnn"  # the paper: a frozen ResNet-50, pretrained on images that are not public
    encoder_channels: tuple[int, ...] = (16, 32, 64, 128, 128)  # ours; five stride-2 convolutions
    hidden: int = 32  # units of the first dense layer, per latent cell; public notebooks
    latent_channels: int = 32  # per latent cell; public notebooks
    decoder_filters: dict[Likelihood, int] = field(default_factory=lambda: {"bernoulli": 32, "gaussian": 8})
    decoder_kernel: dict[Likelihood, int] = field(default_factory=lambda: {"bernoulli": 15, "gaussian": 5})  # px
    backbone_weights: str | None = None  # safetensors file of a ResNet-50; None for random weights


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
    kl_weight: float = 2e-6
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
class FlowArchitecture:
    """The network of the conditional flow (see `flow.py`); all numbers are ours."""

    channels: tuple[int, ...] = (48, 96, 128)  # at a half, a quarter and an eighth of the resolution
    embedded: int = 128  # width of what time and condition are turned into
    components: int = 8  # principal components of the scattering; 4 to 12 do equally well


@dataclass(frozen=True)
class FlowTraining:
    """Training of the conditional flow on random crops; all numbers are ours."""

    rounds: int = 60
    steps_per_round: int = 20
    batch_size: int = 32
    learning_rate: float = 2e-3  # AdamW: rises over the warm-up, then falls as a cosine to 0
    warm_up: int = 80  # steps
    weight_decay: float = 1e-2
    clip: float = 1.0  # norm of the gradient
    averaging: float = 0.998  # per step, of the exponential average of the weights that is kept
    condition_noise: float = 0.25  # standard deviation, where each component has 1: few samples must not be points
    condition_dropout: float = 0.12  # share of samples whose condition is set to 0
    time_mean: float = -0.6  # of the logit of t
    time_scale: float = 1.1
    # Under which turns a sample's crops look like other crops of it: only "half_turn" where scattering and micrograph
    # share an axis, the "dihedral" group (quarter turns and mirrors) where the scattering knows no direction. None:
    # the first for patterns, the second for profiles.
    symmetry: Symmetry | None = None

    @property
    def steps(self) -> int:
        """Steps of the optimiser in all."""
        return self.rounds * self.steps_per_round


@dataclass(frozen=True)
class Flow:
    """A conditional flow and how it is trained."""

    architecture: FlowArchitecture = FlowArchitecture()
    training: FlowTraining = FlowTraining()


@dataclass(frozen=True)
class PeerTraining:
    """Training of the peers of `peers.py` on random crops; what is not said here is MultiVae's own default."""

    # Each takes about as long as solo and pair training of a PairVAE of the same size; an epoch of MVAE decodes twice
    # as often as one of MoPoE.
    epochs: dict[str, int] = field(default_factory=lambda: {"MVAE": 300, "MoPoE": 600})
    batch_size: int = 8  # as PairVAE's
    learning_rate: float = 1e-3
    beta: float = 1.0  # weight of the KL divergence: the evidence lower bound as it is
    warm_up: int = 10  # epochs over which MVAE raises it
    intensity_scale: float = 0.1  # standard deviation of the scattering about its reconstruction


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


PAPER = Profile("paper")

# The paper's pairs and training sizes on smaller images, with a lighter SEM decoder and half of the epochs of all
# trainings with micrographs: minutes a model.
STANDARD = replace(
    PAPER,
    name="standard",
    image_size=128,
    architecture=replace(
        PAPER.architecture,
        decoder_filters={"bernoulli": 16, "gaussian": 8},
        decoder_kernel={"bernoulli": 9, "gaussian": 5},
    ),
    solo=replace(PAPER.solo, epochs={"bernoulli": 500, "gaussian": 500}),
    pair=replace(PAPER.pair, random_crop_epochs=50, focused_epochs=500),
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

# By the name of a profile; beside the profiles, since the paper knows no flow.
FLOWS: dict[str, Flow] = {
    "tiny": Flow(
        FlowArchitecture(channels=(8, 8, 16), embedded=16, components=2),
        FlowTraining(rounds=2, steps_per_round=2, batch_size=4),
    ),
    "quick": Flow(FlowArchitecture(channels=(32, 64, 96)), FlowTraining(rounds=32)),  # 100 s in single precision
    "standard": Flow(),
    "paper": Flow(),
}


@dataclass(frozen=True)
class Budget:
    """What every method of a comparison may spend, beyond the paper (see `contest.py`); all numbers are ours."""

    name: str
    profile: Profile  # of the data, the crops, and PairVAE
    peers: PeerTraining = PeerTraining()
    # Training samples from which on all VAEs train fewer epochs, so that a larger data set costs no more steps.
    samples: int = 48
    drawn: int = 16  # masks in an answer
    true: int = 32  # crops of the micrograph that an answer is held to
    steps: int = 16  # of the flow's integration
    memorisation: int = 12  # held-out samples for which copies are looked for, which takes long

    @property
    def flow(self) -> Flow:
        """Its conditional flow."""
        return FLOWS[self.name]


# "standard": the paper's number of pairs, full size, at the crops of the quick profile; 15 minutes a seed on one core.
BUDGETS: dict[str, Budget] = {
    budget.name: budget
    for budget in (
        Budget(
            "tiny",
            TINY,
            PeerTraining(epochs={"MVAE": 1, "MoPoE": 1}),
            drawn=2,
            true=4,
            steps=2,
            memorisation=2,
        ),
        Budget(
            "quick",
            QUICK,
            PeerTraining(epochs={"MVAE": 150, "MoPoE": 300}),
        ),
        Budget("standard", replace(QUICK, precision="auto", simulation=PAPER.simulation)),
    )
}

FLOW_SHOWN = FlowArchitecture(channels=(24, 48, 64), embedded=64)  # comes with the book: below 1 MB in 16 bits
# What chapter 10 applies: the quick one takes 45 s, since that chapter is executed with every change.
APPLIED_FLOWS = FLOWS | {
    "quick": Flow(FLOW_SHOWN, FlowTraining(rounds=25, batch_size=16, learning_rate=3e-3)),
}
BANK_CROPS = 8  # crops of an image in a bank: CropSchedule "bank"
PROTOCOLS: dict[Protocol, str] = {  # those compared in the paper's Fig. S3
    "direct": "directly pair training, without solo training",
    "two_phase": "random crops for a tenth of the focused epochs",  # 100 of 1100; the default
    "one_crop": "one crop",
    "ten_crops": "random crops for a hundredth of the focused epochs",  # 10
    "all_crops": "random crops in all epochs",
}
PAPER_SEEDS = (42, 43, 44, 45, 46)
PAPER_TRAINING_SIZES = (32, 48, 64)  # of 72 pairs
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
    """The profile of that name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}; got {name!r}")
    return PROFILES[name]
