"""What the label of a column says: which quantity it holds, and its unit where that is q."""

from __future__ import annotations

import re
import unicodedata

UNITS = {"1/nm": 1.0, "1/angstrom": 10.0}  # in 1/nm

# Lengths as programs write them, with the unit of q that their inverse becomes, and the factor to it.
_LENGTHS = {
    r"nm|nano\s?met(?:er|re)s?": ("1/nm", 1.0),
    r"å(?:ngstr(?:oe?|ö)ms?)?|angstr(?:oe?|ö)ms?|angst|angs?|aa?": ("1/angstrom", 1.0),
    r"[uμ]m|micro\s?met(?:er|re)s?|microns?": ("1/nm", 1e-3),
    r"pm": ("1/nm", 1e3),
    r"met(?:er|re)s?|m": ("1/nm", 1e-9),
}
_INVERSE = (
    r"(?<![\w.])(?:1|rad)\s*/\s*\(?\s*(?:{0})(?![a-zåö])",  # 1/nm
    r"(?<![a-pr-zåö])(?:{0})\s*\^?\s*\(?\s*-\s*1(?!\d)",  # nm^-1
    r"(?<![a-z])(?:inverse|reciprocal|inv|per)[\s_.-]*(?:{0})(?![a-zåö])",  # inverse nm
    r"[\[(]\s*/\s*(?:{0})(?![a-zåö])",  # [/nm]
)
_UNITS = [(re.compile("|".join(form.format(length) for form in _INVERSE)), known) for length, known in _LENGTHS.items()]

# Quantities by the names of columns, the first that fits; names without their unit and what stands in brackets.
_DEGREES = r"(?:[\s_]*(?:deg|rad)\w*)?"
_QUANTITIES = (
    ("uncertainty", r"(?:d|e|s|sig|sigma|err|error|std|delta|σ|δ)[\s_.]*[qi]"),
    ("uncertainty", r".*(?:err|error|sig|sigma|std|dev|uncert)\w*"),
    ("uncertainty", r"(?:std|sigma|err|σ|δ).*"),
    ("q component", r"q[\s_]*(?:x|y|z|xy|r|ip|oop|par\w*|perp\w*)"),
    ("q", r"\|?q\|?|mod[\s_]*q|q[\s_-]*(?:values?|vector|mean|avg|av|bins?|cent(?:er|re)|magnitude|axis|data|range)"),
    ("q", r"(?:scattering|momentum|wave)[\s_-]*(?:wave)?[\s_-]*(?:vector|transfer)(?:[\s_-]*transfer)?(?:[\s_,]*q)?"),
    ("2-theta", rf"(?:2|two)[\s_*-]*(?:th|theta|θ)(?:[\s_]*angle)?{_DEGREES}|tth{_DEGREES}|twotheta\w*"),
    ("s", r"s|h"),
    ("intensity", r"i|iq|i[\s_]*(?:q|mean|avg|abs|sub|norm|corr\w*)|int|intens\w*.*|counts?.*|cps|signal|absolute.*"),
    ("number of the row", r"|unnamed\W*\d*|index|idx|points?|pt|no|nr|number|row|id"),
    (
        "another axis",
        r"pix(?:el)?s?|px|channels?|bins?|th|theta|θ|angles?|chi|phi|azimuth\w*|omega|d|d[\s_-]*spacing|r|radius|"
        r"r[\s_]*(?:mm|cm|m|px|pixels?)|distance|position|times?|t|energy|e|ev|kev|lambda|wavelength|frames?|"
        r"frequency|temperature|(?:log|ln|lg)\w*.*|q[\s_^*]*[24]",
    ),
)
# Axes by the names of columns; their units stand in brackets, behind a slash, or at the end.
_AXES = [
    (known, re.compile(names))
    for known, names in (
        ("2-theta", r"(?:2|two)[\s_*-]*(?:th|theta|θ)(?:[\s_]*angle)?|tth"),
        ("wavelength", r"wave[\s_-]?length|lambda|λ|wl"),
        ("energy", r"energy|e|photon[\s_]energy|binding[\s_]energy"),
        ("wavenumber", r"wave[\s_-]?numbers?|raman[\s_]shift"),
        ("frequency", r"freq|frequency|f"),
    )
]
_WITH_UNIT = re.compile(
    r"(?P<name>.*?[^\s_,/(\[])[\s_,]*(?:[(\[]\s*(?P<bracket>[^()\[\]]*)\s*[)\]]|/\s*(?P<slash>[^\s/]+)"
    r"|(?:(?<=[\s_,]))(?P<tail>nm|pm|um|μm|mm|å|ev|kev|mev|hz|khz|mhz|ghz|deg\w*|°|rad|k|s|cm\^?-1|1/cm|°c))"
)
_AXIS_UNITS = {
    "degree": "deg", "degrees": "deg", "°": "deg", "μm": "um", "micron": "um", "cm^-1": "1/cm", "cm-1": "1/cm",
    "nanometer": "nm", "nanometers": "nm", "nanometre": "nm", "nanometres": "nm", "radian": "rad", "radians": "rad",
    "ev": "eV", "kev": "keV", "mev": "meV", "hz": "Hz", "khz": "kHz", "mhz": "MHz", "ghz": "GHz", "k": "K", "°c": "°C",
}  # fmt: skip
_NAMED = [(quantity, re.compile(names)) for quantity, names in _QUANTITIES]


def plain(text: str) -> str:
    """A label in lower case, with the ways of writing a power and an angstrom reduced to one."""
    folded = unicodedata.normalize("NFKC", text.replace("Ã\x85", "Å").replace("Ã…", "Å")).lower()
    folded = re.sub("[\u2010-\u2015\u2212]", "-", folded).replace("**", "^").replace("µ", "μ")
    return re.sub(r"\\(?:mathrm|text|rm|unit)|[\\${}]", "", folded)


def q_units(label: str) -> list[tuple[str, float]]:
    """All units of q that a text names, in its order: "1/nm" or "1/angstrom", and the factor to it."""
    text = plain(label)
    found = sorted((match.start(), known) for unit, known in _UNITS for match in unit.finditer(text))
    return list(dict.fromkeys(known for _, known in found))


def axis_of(label: str) -> tuple[str, str]:
    """Name and unit of an axis, each "" where a label has none: ("wavelength", "nm") of "Wavelength [nm]"."""
    text = " ".join(plain(label).strip(" \t#%!*<>\"'").split())
    found = _WITH_UNIT.fullmatch(text)
    name, unit = (found["name"], found["bracket"] or found["slash"] or found["tail"] or "") if found else (text, "")
    name = next((known for known, names in _AXES if names.fullmatch(name.strip(" _-"))), name.strip(" _-,:;"))
    unit = _AXIS_UNITS.get(unit.strip(), unit.strip())
    return name, unit or ("deg" if name == "2-theta" else "")


def quantity(label: str) -> str:
    """What a column of that label holds, one of the quantities above; "" where the label is of none."""
    text = plain(label).strip().lstrip("#%!*<\"' ").rstrip(">\"' ")
    if re.match(r"(?:log|ln|lg)(?:10)?[\s_(]", text):
        return "another axis"
    whole = text
    for unit, _ in _UNITS:
        text = unit.sub(" ", text)
    name = re.sub(r"\([^()]*\)?|\[[^\[\]]*\]?", " ", text).strip(" _,:;/=-*<>()[]|'\".^")
    if not name and text != whole:
        return ""  # a unit alone
    return next((kind for kind, names in _NAMED if names.fullmatch(name)), "")
