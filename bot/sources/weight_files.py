"""Find the model's weight files in the file list of a repository or folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from analyzers.errors import MalformedWeights
from analyzers.records import RepoFile, largest_gguf

ADAPTER = "adapter_model.safetensors"
WEIGHTS = (".safetensors", ".gguf")
OTHER_WEIGHTS = (".gguf", ".bin", ".pt", ".pth", ".onnx", ".ckpt", ".npz", ".h5", ".msgpack")
INDEX = "model.safetensors.index.json"
PIPELINE = "model_index.json"
DENOISERS = ("transformer", "transformer_2", "unet", "prior")  # folder names of a pipeline's main component
COPIES = (
    "original",
    "fp16",
    "bf16",
    "fp32",
    "onnx",
    "openvino",
    "metal",
)  # folders of the same weights again
COMPARABLE = 2.5  # times the bytes of the rest that a variant or such a folder may have; a larger one is not a copy
LEAST_INDEXED = 4  # an index that names less than a fourth of the folder's bytes is ignored
JOINERS = "\u200c\u200d"  # in emoji and in the scripts of Persia and India
LEAST_DENOISER = 10  # a denoiser has at least a tenth of all bytes
_NUMBERED = re.compile(r"(.*)-(\d{1,9})-of-(\d{1,9})\.(?:safetensors|gguf)")
_VARIANT = re.compile(r"^consolidated|[._-](?:fp16|bf16|fp32|ema|non_ema)(?=[.-])", re.IGNORECASE)


def weight_files(files: Iterable[RepoFile], indexed: Collection[str] = ()) -> tuple[RepoFile, ...]:
    """Return the files that hold the model, in the order of their paths; empty if there are none.

    They are safetensors, else the largest GGUF model. They lie in one folder: a pipeline's denoiser, else the one with
    the most bytes. The files that the folder's index names, `indexed`, decide; else a numbered set, or a file of the
    standard name, that outweighs the rest. Adapters do not count, and variants are the same weights again.
    """
    found = _main(files)
    named = [f for f in found if f.path in indexed]
    if named and LEAST_INDEXED * _bytes(named) >= _bytes(found):
        return tuple(named)
    plain = [f for f in found if not _VARIANT.search(_name(f))]
    sets = _sets(plain if COMPARABLE * _bytes(plain) >= _bytes(found) - _bytes(plain) else found)
    whole = [
        s for (_, total), s in sets.items() if len(s) == total and (total > 1 or _name(s[0]) == "model.safetensors")
    ]
    best = max(whole, key=_bytes, default=[])
    rest = [f for s in sets.values() for f in s]
    return tuple(best if best and 2 * _bytes(best) >= _bytes(rest) else sorted(rest, key=lambda f: f.path))


def index_file(files: Iterable[RepoFile]) -> RepoFile | None:
    """Return the index of the model's shards: the usual name, else the only one; None if there is none."""
    each = list(files)
    folder = next((f.path.rpartition("/")[0] for f in _main(each)), "")
    found = [f for f in each if f.path.endswith(".safetensors.index.json") and f.path.rpartition("/")[0] == folder]
    usual = [f for f in found if _name(f) == INDEX]
    if usual:
        return usual[0]
    return found[0] if len(found) == 1 else None


def in_doubt(files: Iterable[RepoFile]) -> bool:
    """Return True if there are several sets of shards, so that only the index can name the right one."""
    return len(_sets(_main(files))) > 1


def named_by(content: object, index: RepoFile) -> dict[str, str]:
    """Return the shard of each tensor from an index's JSON, as paths in the repository."""
    folder = index.path.removesuffix(_name(index))
    said = content.get("weight_map") if isinstance(content, Mapping) else None
    pairs = said.items() if isinstance(said, Mapping) else ()
    return {str(name): folder + shard for name, shard in pairs if isinstance(shard, str)}


def is_whole(files: Iterable[RepoFile], read: Collection[str]) -> bool:
    """Return True if `read` has all of the model's files: of weight_files, or of each numbered set that it begins."""
    each = list(files)
    if all(f.path in read for f in weight_files(each)):
        return True
    begun = [s for (_, total), s in _sets(_main(each)).items() if total > 1 and any(f.path in read for f in s)]
    return bool(begun) and all(f.path in read for s in begun for f in s)


def others(files: Iterable[RepoFile]) -> dict[str, list[RepoFile]]:
    """Return the weight files of each other component by folder; folders of the same weights again are left out."""
    folders = _folders(files)
    main = _main_folder(folders, files)
    found = {name: some for name, some in folders.items() if name != main and not _again(name, folders)}
    return {name or "the root": list(weight_files(some)) for name, some in found.items()}


def share_aside(files: Iterable[RepoFile]) -> float:
    """Return the share of bytes in other components; 0 where a pipeline's denoiser is the main one."""
    each = list(files)
    main = _main(each)
    folder = main[0].path.rpartition("/")[0] if main else ""
    pipeline = any(f.path == PIPELINE for f in each)
    if pipeline and _denoises(folder):
        return 0.0
    aside = [f for some in others(each).values() for f in some]
    if pipeline:  # its denoiser may be stored in another format
        aside += [f for f in each if f.path.endswith(OTHER_WEIGHTS) and f.path.rpartition("/")[0] != folder]
    return _bytes(aside) / _bytes([*aside, *main]) if aside else 0.0


def format_of(read: Iterable[str]) -> str:
    """Return the format of the weight files that were read, as files of it end; "" if none was."""
    return next((path.rpartition(".")[2] for path in read), "")


def left_out(files: Sequence[RepoFile], read: Collection[str]) -> str:
    """Name the safetensors files that are neither the model's shards nor an adapter; "" if there are none."""
    rest = [f for f in files if f.path.endswith(".safetensors") and f.path not in read and _name(f) != ADAPTER]
    if not rest:
        return ""
    shown = ", ".join(f.path[:80] for f in rest[:3]) + (f" and {len(rest) - 3} more" if len(rest) > 3 else "")
    return f"not the model that was judged, and left out: {shown} ({_bytes(rest):,} bytes)"


def _main(files: Iterable[RepoFile]) -> list[RepoFile]:
    """Return all weight files of the main component's folder, in the order of their paths."""
    each = list(files)
    folders = _folders(each)
    return folders.get(_main_folder(folders, each), [])


def _main_folder(folders: Mapping[str, list[RepoFile]], files: Iterable[RepoFile]) -> str:
    total = sum(map(_bytes, folders.values()))
    pipeline = any(f.path == PIPELINE for f in files)

    def rank(folder: str) -> tuple[bool, bool, int, bool]:
        size = _bytes(folders[folder])
        denoises = pipeline and _denoises(folder) and LEAST_DENOISER * size >= total
        return denoises, not _again(folder, folders), size, not folder

    return max(sorted(folders), key=rank, default="")


def _folders(files: Iterable[RepoFile]) -> dict[str, list[RepoFile]]:
    found: dict[str, list[RepoFile]] = {}
    each = sorted(files, key=lambda f: f.path)
    plain = [f for f in each if f.path.endswith(".safetensors") and _name(f) != ADAPTER]
    for file in plain or largest_gguf(each):
        found.setdefault(file.path.rpartition("/")[0], []).append(file)
    return found


def _denoises(folder: str) -> bool:
    return folder.partition("/")[0] in DENOISERS


def _again(folder: str, folders: Mapping[str, list[RepoFile]]) -> bool:
    """Return True if a folder holds the same weights again, by its name and because others hold about as much."""
    if folder.rpartition("/")[2].lower() not in COPIES:
        return False
    rest = (_bytes(some) for name, some in folders.items() if name.rpartition("/")[2].lower() not in COPIES)
    return COMPARABLE * max(rest, default=0) >= _bytes(folders[folder])


def _sets(files: Iterable[RepoFile]) -> dict[tuple[str, int], list[RepoFile]]:
    """Return files by the (name, number of files) of their numbered set; a file without one is a set of its own."""
    found: dict[tuple[str, int], list[RepoFile]] = {}
    for file in files:
        match = _NUMBERED.fullmatch(file.path)
        found.setdefault((match[1], int(match[3])) if match else (file.path, 1), []).append(file)
    return found


def _bytes(files: Iterable[RepoFile]) -> int:
    return sum(f.size for f in files)


def shard_name(name: object, where: str) -> str:
    """Return an untrusted shard path; MalformedWeights if it could lead out of the repository.

    `where`: its origin, for the error's sentence.
    """
    if not isinstance(name, str) or not name:
        raise MalformedWeights(f"{where} names a shard {_shown(name)} that is not a file name.")
    outside = name.startswith("/") or "://" in name or "\\" in name or ".." in name.split("/")
    unprintable = any(unicodedata.category(c).startswith("C") for c in name if c not in JOINERS)
    if outside or unprintable or not name.endswith(WEIGHTS):
        raise MalformedWeights(f"{where} names a shard {_shown(name)} that is not a weight file of the repository.")
    return name


def _name(file: RepoFile) -> str:
    return file.path.rpartition("/")[2]


def _shown(name: object) -> str:
    return ascii(name)[:120]
