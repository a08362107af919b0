"""Which names of uploaded files are taken: relative, printable, and of a kind that LAMM reads."""

import unicodedata

from scenes.clouds import beside
from scenes.clouds.cloud import CloudError
from scenes.clouds.formats import FORMATS, UNDECIDED_SUFFIXES

# Labels need an ontology, which only a label set names.
LABEL_SUFFIXES = (".label", ".npy", "_lidarseg.bin")
MAX_CHARACTERS = 255
MAX_PART_BYTES = 255
# Characters that turn the direction of text can make a name look like another one.
TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def clean_name(name: str, *, declared_format: str = "") -> str:
    """The name in NFC. Raises CloudError when an upload can't take a file of this name.

    Names are relative, with `/` between folders. A suffix that leaves the format open, such as .bin, is taken
    only with a declared format.
    """
    name = unicodedata.normalize("NFC", name)
    _check_printable(name, what="the name")
    _check_path(name)
    _check_length(name)
    _check_kind(name, declared_format)
    return name


def clean_words(text: str, *, what: str) -> str:
    """A name for people in NFC, without spaces around it. Raises CloudError naming `what` it is."""
    text = unicodedata.normalize("NFC", text).strip()
    _check_printable(text, what=what)
    return text


def cloud_suffixes() -> list[str]:
    """The suffixes of point clouds in lower case, also those that need a declared format."""
    return sorted({suffix for kind in FORMATS for suffix in kind.suffixes} | set(UNDECIDED_SUFFIXES))


def _check_printable(text: str, *, what: str) -> None:
    bad = [c for c in text if unicodedata.category(c) in UNPRINTABLE or c in TURNING]
    if bad:
        raise CloudError(f"{what} holds the character U+{ord(bad[0]):04X}", "Rename it without.", file=ascii(text)[:80])


def _check_path(name: str) -> None:
    parts = name.split("/")
    if not name.strip():
        raise CloudError("the name is empty", "Give the file a name.")
    if "\\" in name or name.startswith("/") or name[1:2] == ":":
        raise CloudError("the name is no relative path", "Name it relative to its folder, with / between.", file=name)
    if any(part in ("", ".", "..") for part in parts):
        raise CloudError("the name has an empty part, . or ..", "Name it relative to its folder.", file=name)
    if parts[-1].startswith("."):
        raise CloudError("the name begins with a dot: a file of the system", "Leave it out.", file=name)


def _check_length(name: str) -> None:
    if len(name) > MAX_CHARACTERS or any(len(part.encode()) > MAX_PART_BYTES for part in name.split("/")):
        raise CloudError(f"the name is longer than {MAX_CHARACTERS} bytes", "Shorten it.", file=f"{name[:60]}…")


def _check_kind(name: str, declared_format: str) -> None:
    lower = name.lower()
    if beside.is_beside(lower.rsplit("/", 1)[-1]):
        if "/" in name:
            raise CloudError("it does not lie beside the frames", "Put it into the folder of the scene.", file=name)
        return
    if lower.endswith(LABEL_SUFFIXES):
        remedy = "Leave it out, and add it to the scene as a label set when the scene is in."
        raise CloudError("labels come in after the clouds", remedy, file=name)
    if any(lower.endswith(suffix) for kind in FORMATS for suffix in kind.suffixes):
        return
    for suffix, kinds in UNDECIDED_SUFFIXES.items():
        if lower.endswith(suffix):
            if declared_format:
                return
            raise CloudError(
                f"a {suffix} file does not say what it holds", f"Declare its format: {' or '.join(kinds)}.", file=name
            )
    known = " ".join([*cloud_suffixes(), *beside.NAMES, beside.TRACK_SUFFIX])
    raise CloudError("this is no point cloud and no file beside one", f"Leave it out. Known: {known}", file=name)
