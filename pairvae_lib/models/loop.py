"""The loop around every training: epochs, history, progress, checkpoints to resume from.

Every random draw follows from (seed, stage, epoch), so a training that was stopped and resumed equals one that was not,
bit for bit on one thread in fp32.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any, TextIO
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from pairvae_lib.files.runs import TERMINAL
from pairvae_lib.files.writing import CannotWrite, replacing
from pairvae_lib.models.pairvae import doublings

FORMAT = 1  # of a checkpoint
CHECKPOINT_SECONDS = 20.0  # what a kill costs at most
SNAPSHOTS = 9  # looks at a training, beside that before the first epoch

Snapshot = dict[str, Tensor]


def state_digest(module: nn.Module) -> str:
    """Sixteen hexadecimal digits of a module's parameters and buffers, bit for bit."""
    digest = sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def save_checkpoint(path: Path, made_with: dict[str, Any], content: dict[str, Any]) -> None:
    """Write tensors and plain values to `path` atomically; `made_with` is everything that determines them.

    CannotWrite if the folder cannot be written or the disk is full; an older file at `path` is left as it was.
    """
    try:
        with replacing(path) as file:
            torch.save(_with_shared_texts({"format": FORMAT, "made_with": made_with, **content}), file)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise CannotWrite(f"cannot write checkpoint {path}: {error}; what was there before is kept") from error


def _with_shared_texts(value: Any) -> Any:
    """Equal dicts and lists in which equal texts are one object: pickle writes one object once, two equal ones twice.

    So a training that goes on from a file ends in the same bytes as one that never stopped.
    """
    if isinstance(value, dict):
        return {_with_shared_texts(key): _with_shared_texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_shared_texts(one) for one in value]
    return sys.intern(value) if isinstance(value, str) else value


def load_checkpoint(path: Path, made_with: dict[str, Any], free: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; ValueError if it is no such file, or was made with other settings (named).

    The settings in `free` may be any.
    """
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        found_format, found = content["format"], content["made_with"]
    except OSError:
        raise
    except Exception as error:  # a broken file raises anything
        message = f"{path} must be a checkpoint of this project; got {error!r}. Remove it to start anew"
        raise ValueError(message) from None
    if found_format != FORMAT:
        raise ValueError(f"{path} must be of format {FORMAT}; got {found_format!r}. Remove it to start anew")
    different = [
        f"{key} {found.get(key)!r} instead of {made_with.get(key)!r}"
        for key in sorted(found.keys() | made_with.keys())
        if found.get(key) != made_with.get(key) and key not in free
    ]
    if different:
        raise ValueError(f"{path} was made with other settings: {'; '.join(different)}. Remove it to start anew")
    return content


@dataclass
class History:
    """Of a training: mean losses of every epoch, by name.

    Also what was reconstructed after some epochs, by route, and the forms in which its doubling layers were computed.
    """

    losses: dict[str, list[float]] = field(default_factory=dict)
    snapshots: dict[int, Snapshot] = field(default_factory=dict, compare=False)
    forms: list[str] = field(default_factory=list, compare=False)

    def append(self, means: dict[str, float]) -> None:
        """Add one epoch."""
        for name, value in means.items():
            self.losses.setdefault(name, []).append(value)

    @property
    def epochs(self) -> int:
        """Number of epochs held."""
        return len(next(iter(self.losses.values()), []))

    @property
    def final(self) -> dict[str, float]:
        """Losses of the last epoch."""
        return {name: values[-1] for name, values in self.losses.items()}


def rng_for(seed: int, stage: str, epoch: int = 0) -> np.random.Generator:
    """The random generator of one stage and epoch of a training."""
    return np.random.default_rng([seed, crc32(stage.encode()), epoch])


def batches(n: int, batch_size: int, epoch: int) -> Iterator[np.ndarray]:
    """Positions of each batch of an epoch: whole batches in a fixed order, walking round the samples.

    When `batch_size` divides `n` these are the same batches in every epoch, as in the original. When it does not, the
    original drops the same last samples in every epoch; here the next epoch starts where this one ended.
    """
    if n < batch_size:
        raise ValueError(f"n_train must be at least the batch size {batch_size}; got {n}")
    used = n // batch_size * batch_size
    order = (np.arange(used) + epoch * used) % n
    yield from order.reshape(-1, batch_size)


def standard_normal(rng: np.random.Generator, like: Tensor) -> Tensor:
    """Standard normal noise of the shape of a tensor, and where that is."""
    return torch.from_numpy(rng.standard_normal(like.shape, dtype=np.float32)).to(like.device)


def optimise(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of the optimiser."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


class Means:
    """Running means of named losses over the batches of an epoch."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, losses: dict[str, Tensor]) -> None:
        """Count the losses of one batch."""
        self.count += 1
        for name, loss in losses.items():
            self.sums[name] = self.sums.get(name, torch.zeros(())) + loss.detach()

    def read(self) -> dict[str, float]:
        """Means over the batches so far."""
        return {name: float(value) / self.count for name, value in self.sums.items()}


def snapshot_epochs(epochs: int) -> tuple[int, ...]:
    """Numbers of epochs after which a training is looked at: none, then about evenly spaced in their logarithm."""
    spaced = np.rint(np.geomspace(1, max(epochs, 1), SNAPSHOTS)).astype(int)
    return tuple(n for n in dict.fromkeys([0, *spaced.tolist()]) if n <= epochs)


def remaining_epochs(
    history: History, module: nn.Module, optimizer: torch.optim.Optimizer, epochs: int, made_with: dict[str, Any],
    partial: Path | None = None, description: str = "", snapshot: Callable[[], Snapshot] | None = None,
) -> Iterator[tuple[int, Means]]:
    """Go through the epochs of a training, with a progress bar on a terminal and a checkpoint to resume from.

    Each epoch changes `module` by `optimizer` and adds its losses to the means; all that is random in it must follow
    from its number.

    Parameters
    ----------
    history : History
        Fresh; gets the means of every epoch, and those of the checkpoint before them.
    made_with : dict
        Everything that determines the outcome.
    partial : Path, optional
        Checkpoint to write every CHECKPOINT_SECONDS and at the end, and to resume from if it is there.
    description : str
        Shown beside the bar.
    snapshot : callable, optional
        Reconstructs some samples; called after `snapshot_epochs`. It must neither change `module` nor draw from a
        global generator.

    Yields
    ------
    epoch : int
    means : Means
        Of the losses of this epoch; FloatingPointError if one is no longer finite.
    """
    layers = doublings(module)
    if partial is not None and partial.exists():
        state = load_checkpoint(partial, made_with)
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
        for layer, form in zip(layers, state["forms"], strict=True):
            layer.form = form  # whichever is the fastest here now
        history.losses, history.snapshots = state["history"], state.get("snapshots", {})
    history.forms = [layer.form for layer in layers]
    looks = snapshot_epochs(epochs)

    def look() -> None:
        if snapshot is not None and history.epochs in looks:
            history.snapshots[history.epochs] = snapshot()

    look()
    saved = time.monotonic()
    with _terminal() as shown:
        first = history.epochs
        for epoch in tqdm(range(first, epochs), description, epochs, False, shown, initial=first, disable=None):
            means = Means()
            yield epoch, means
            found = means.read()
            if not np.isfinite(list(found.values())).all():
                raise FloatingPointError(f"{description}: a loss is no longer finite in epoch {epoch}: {found}")
            history.append(found)
            look()
            due = time.monotonic() - saved > CHECKPOINT_SECONDS or epoch + 1 == epochs
            if partial is not None and due:
                state = {"module": module.state_dict(), "optimizer": optimizer.state_dict()}
                state |= {"history": history.losses, "snapshots": history.snapshots}
                state |= {"forms": history.forms}
                save_checkpoint(partial, made_with, state)
                saved = time.monotonic()


def seconds_per_epoch(run: Callable[[int], None], more: int = 2) -> float:
    """Of a training, without what it does once: `run` trains for one epoch, then for some `more`. No bar is shown."""
    times = []
    with redirect_stderr(StringIO()):
        for epochs in (1, 1 + more):
            began = time.perf_counter()
            run(epochs)
            times.append(time.perf_counter() - began)
    return max(times[1] - times[0], 0.0) / more


def time_in_words(seconds: float, precision: str) -> str:
    """What a training is expected to take."""
    told = f"{seconds / 3600:.1f} hours" if seconds >= 90 * 60 else f"{max(1, round(seconds / 60))} min"
    return f"about {told} of training on this processor ({precision}, as a few timed steps suggest)"


@contextmanager
def _terminal() -> Iterator[TextIO]:
    """Where to show progress: the terminal that `pairvae run` was called on, which a kernel does not see, or stderr."""
    name = os.environ.get(TERMINAL)
    if name is None:
        yield sys.stderr
    else:
        with open(name, "w") as file:
            yield file


def provenance(
    stage: str, seed: int, data: str, train: tuple[int, ...], settings: Any, initial: nn.Module
) -> dict[str, Any]:
    """Everything that determines a stage's outcome; `data` is the digest of the prepared pairs."""
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()}
    return {
        "stage": stage, "seed": seed, "data": data, "train": [int(index) for index in train], "settings": plain,
        "initial": state_digest(initial),
    }
