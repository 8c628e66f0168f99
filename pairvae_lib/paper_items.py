"""Every figure and table of the paper: what it is here, where it stands in the book, and which command remakes it.

`python -m pairvae_lib.paper_items` prints the page `book/paper_map.md`, which a test holds against this list.
"""

from __future__ import annotations

from dataclasses import dataclass

from pairvae_lib.figures.paper import table_markdown, table_s1

MAP_PAGE = "book/paper_map.md"
SWEEP = "pairvae sweep"


@dataclass(frozen=True)
class PaperItem:
    """One figure or table.

    Parameters
    ----------
    anchor : str
        Its target in the book: `(fig-3a)=` in MyST, `#fig-3a` in a page's address.
    label : str
        As the paper numbers it.
    caption : str
        What it shows here.
    text : str
        The file below the checkout that holds the target and shows the item.
    function : str
        Below `pairvae_lib.figures`.
    command : str
        Makes the results that it is drawn from; "make book" where there are none.
    """

    anchor: str
    label: str
    caption: str
    text: str
    function: str
    command: str

    @property
    def page(self) -> str:
        """The page of the book, as other pages name it."""
        return self.text.replace("notebooks/text/", "notebooks/").removesuffix(".md")


def _chapter(name: str) -> str:
    """The text of a chapter."""
    return f"notebooks/text/{name}.md"


def _in_chapter(name: str, anchor: str, label: str, caption: str, function: str, command: str = "") -> PaperItem:
    """An item that a chapter shows, and by default also makes."""
    return PaperItem(anchor, label, caption, _chapter(name), function, command or f"pairvae run {name}")


PAPER_ITEMS: tuple[PaperItem, ...] = (
    _in_chapter(
        "01_data",
        "fig-1",
        "Fig. 1",
        "One pair of each morphology: scattering, a crop of the micrograph, and a part of it with the domains outlined "
        "by a rule (the paper's were drawn by hand); the size of a pixel is assumed.",
        "paper.fig_1",
    ),
    _in_chapter(
        "03_solo_vae", "fig-2", "Fig. 2", "Solo and pair training; our own drawing.", "paper.fig_2", "make book"
    ),
    _in_chapter(
        "03_solo_vae",
        "fig-3a",
        "Fig. 3A",
        "Solo reconstructions of one held-out sample of each morphology.",
        "paper.fig_3a",
        "pairvae run 05_evaluation",
    ),
    _in_chapter(
        "03_solo_vae",
        "fig-3b",
        "Fig. 3B",
        "Two-point correlation and vertical lineal path of the micrographs of Fig. 3A.",
        "paper.fig_3b",
        "pairvae run 05_evaluation",
    ),
    _in_chapter(
        "04_pair_vae",
        "fig-4a",
        "Fig. 4A",
        "The four pair reconstructions of the samples of Fig. 3A.",
        "paper.fig_4a",
        "pairvae run 05_evaluation",
    ),
    _in_chapter(
        "04_pair_vae",
        "fig-4b",
        "Fig. 4B",
        "Two-point correlation and vertical lineal path of the micrographs of Fig. 4A.",
        "paper.fig_4b",
        "pairvae run 05_evaluation",
    ),
    _in_chapter(
        "05_evaluation",
        "fig-5a",
        "Fig. 5A",
        "Mean and standard deviation of the two-point correlation over all micrographs, true and solo; the held-out "
        "mean beside it.",
        "paper.fig_5a",
    ),
    _in_chapter(
        "05_evaluation", "fig-5b", "Fig. 5B", "The same for both pair reconstructions of micrographs.", "paper.fig_5b"
    ),
    _in_chapter(
        "05_evaluation",
        "fig-6a",
        "Fig. 6A",
        "Errors of reconstructed scattering against the number of training pairs, over all seeds: all images as in the "
        "paper, held-out images beside them, references, and the paper's medians.",
        "paper.fig_6a",
        SWEEP,
    ),
    _in_chapter(
        "05_evaluation",
        "fig-6b",
        "Fig. 6B",
        "The same for the two-point correlation of reconstructed micrographs.",
        "paper.fig_6b",
        SWEEP,
    ),
    _in_chapter(
        "06_generation",
        "fig-7a",
        "Fig. 7A",
        "Reconstruction from scattering, and five micrographs drawn around its latent.",
        "paper.fig_7a",
    ),
    _in_chapter(
        "06_generation",
        "fig-7b",
        "Fig. 7B",
        "Two-point correlation of the drawn micrographs, mean and standard deviation, against the reconstruction and "
        "the truth.",
        "paper.fig_7b",
    ),
    _in_chapter("01_data", "fig-s1", "Fig. S1", "A whole micrograph of each morphology.", "paper.fig_s1"),
    _in_chapter(
        "02_preprocessing",
        "fig-s2",
        "Fig. S2",
        "Micrographs binarised by the adaptive and by other thresholds.",
        "threshold_examples",
    ),
    *(
        _in_chapter(
            "04_pair_vae",
            f"fig-s3{letter.lower()}",
            f"Fig. S3{letter}",
            f"{loss} against epochs, for five protocols of pair training.",
            "paper.fig_s3",
            SWEEP,
        )
        for letter, loss in (
            ("A", "Barlow Twins loss"),
            ("B", "Loss of SAXS→SAXS"),
            ("C", "Loss of SEM→SAXS"),
            ("D", "Loss of SEM→SEM"),
            ("E", "Loss of SAXS→SEM"),
        )
    ),
    _in_chapter(
        "03_solo_vae",
        "fig-s4",
        "Fig. S4",
        "Horizontal lineal path of the micrographs of Fig. 3A.",
        "paper.fig_s4",
        "pairvae run 05_evaluation",
    ),
    _in_chapter(
        "04_pair_vae",
        "fig-s5",
        "Fig. S5",
        "Horizontal lineal path of the micrographs of Fig. 4A.",
        "paper.fig_s5",
        "pairvae run 05_evaluation",
    ),
    _in_chapter(
        "05_evaluation",
        "fig-s6",
        "Fig. S6",
        "Mean and standard deviation of the lineal path over all micrographs, solo and pair; the held-out mean beside "
        "it.",
        "paper.fig_s6",
    ),
    _in_chapter(
        "06_generation", "fig-s7", "Fig. S7", "As Fig. 7, drawn with the smaller variance.", "paper.fig_s7"
    ),
    _in_chapter("06_generation", "fig-s8", "Fig. S8", "As Fig. 7, drawn with the larger variance.", "paper.fig_s8"),
    PaperItem(
        "table-s1",
        "Table S1",
        "PairVAE against the dual VAE of Yaman et al. (2022), every cell with its source.",
        MAP_PAGE,
        "paper.table_s1",
        "make book",
    ),
    _in_chapter(
        "05_evaluation",
        "table-s2",
        "Table S2",
        "Medians of Fig. 6, over all and over held-out images, beside those read off the paper's figure.",
        "paper.table_s2",
        SWEEP,
    ),
    _in_chapter(
        "05_evaluation",
        "latent-map",
        "our own: latents",
        "Principal components of the latents, solo and pair: the paper argues from their clusters without showing "
        "them.",
        "paper.latent_map",
    ),
    _in_chapter(
        "05_evaluation",
        "error-uncertainty",
        "our own: uncertainty",
        "Error of the two-point correlation against its spread over sampled latents.",
        "paper.error_against_uncertainty",
    ),
    _in_chapter(
        "04_pair_vae",
        "recalled-crops",
        "our own: recall",
        "What the model draws from the scattering of training samples, between two true crops of them.",
        "paper.recalled_crops",
        "pairvae run 05_evaluation",
    ),
)


def item_named(anchor: str) -> PaperItem:
    """The item with an anchor.

    Raises
    ------
    ValueError
        If there is none.
    """
    for item in PAPER_ITEMS:
        if item.anchor == anchor:
            return item
    raise ValueError(f"anchor must be one of {', '.join(item.anchor for item in PAPER_ITEMS)}; got {anchor!r}")


def map_page() -> str:
    """The page that leads from each figure and table of the paper to its counterpart and its command, in MyST.

    Returns
    -------
    str
        Table S1 stands on the page itself.
    """
    lines = [
        "<!-- Made by: python -m pairvae_lib.paper_items > book/paper_map.md -->",
        "",
        "# Paper map",
        "",
        "Every figure and table of the paper and of its Supporting Information, with its counterpart here, the",
        "function that draws it (below `pairvae_lib.figures`), and the command that makes the results behind it.",
        "Parameters of a run are added to the command, e.g. `--profile standard -p seed 44`.",
        "",
        "| paper | what it shows here | chapter | function | command |",
        "|---|---|---|---|---|",
    ]
    for item in PAPER_ITEMS:
        place = item.page.rsplit("/", 1)[-1] if item.text != MAP_PAGE else "this page"
        lines.append(
            f"| {{ref}}`{item.label} <{item.anchor}>` | {item.caption} | {place} | `{item.function}` "
            f"| `{item.command}` |"
        )
    table = item_named("table-s1")
    lines += [
        "",
        f"({table.anchor})=",
        "",
        "## Table S1",
        "",
        f"{table.caption} The paper names the aspects (purpose, data domain, format of the data, training protocol);",
        "its own table is not public, and of the other work its abstract was at hand. *Not stated*: in neither.",
        "",
        table_markdown(table_s1()).rstrip(),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(map_page(), end="")
