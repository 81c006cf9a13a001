"""Components of an upload outside the main one: models in other folders, towers in the same checkpoint.

A few samples of each are read and compared. `analyzers.verdict.components` names the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from analyzers.card.reader import Card, Place
from analyzers.compare.case import Case, case_of
from analyzers.errors import Unreadable
from analyzers.records import Component, RepoFacts, RepoFile, Sample, SampleSpec, ShardHeader, Sketch, SliceKey
from analyzers.sketch.coordinates import ReadBudget, plan_reads, samples_from
from analyzers.sketch.layout import layout_of
from analyzers.sketch.second_look_plan import Groups
from analyzers.sketch.tensor_roles import elements_of, groups_of
from analyzers.sketch.towers import first_of, part_of, towers_of
from analyzers.verdict.components import component_of, is_open
from bot.check.declarations import add_named_kin
from bot.known.models import KnownModels
from bot.sources.first_look import FirstLook
from bot.sources.interface import Source, SourceError, Span, TooLarge, Unavailable
from bot.sources.safetensors_header import PREFIX, header_length, parse_header
from bot.sources.weight_files import others, weight_files

MOST: Final = 2  # components that are read, the largest first
SHARDS: Final = 2  # whose headers are read of each
REQUESTS: Final = 12  # for each
FIRST_BYTES: Final = 16 << 10  # of a shard, which most headers fit into
HEADER_BYTES: Final = 100_000  # of one shard; a component with a longer one is not read
BUDGET: Final = ReadBudget(slices=10, requests=6, bytes=60_000)
BYTES: Final = SHARDS * HEADER_BYTES + BUDGET.bytes  # for each
FURTHER: Final = 40  # requests more for each that is kin of a known model and no copy
WIDER: Final = ReadBudget(requests=FURTHER, bytes=500_000)


@dataclass(frozen=True, slots=True)
class Part:
    """One component as it was read. `parameters`: of all its shards, by their bytes where not all were read.

    `share`: of the bytes of all components, the main one included.
    """

    name: str
    sketch: Sketch
    parameters: int
    share: float
    paths: tuple[str, ...]
    groups: Groups


@dataclass(frozen=True, slots=True)
class ComparedPart:
    """A component outside the main one: as it was read, its comparison with known models, the result."""

    part: Part
    case: Case
    component: Component


def parts_of(source: Source, facts: RepoFacts, spec: SampleSpec, problems: list[str]) -> Iterator[Part]:
    """Read the other components; append a sentence to `problems` for each that cannot be read. Raises Unavailable."""
    found = others(facts.files)
    for name in sorted(found, key=lambda each: -sum(f.size for f in found[each]))[:MOST]:
        try:
            yield _part(source, facts, spec, name, found[name])
        except Unavailable:
            raise
        except (SourceError, Unreadable, ValueError) as error:
            problems.append(f"its component {name} could not be read: {error}")


def towers_in(look: FirstLook) -> Iterator[Part]:
    """Yield the sampled towers beside a language model from its first look, the largest first."""
    whole = look.sketch
    total = sum(whole.elements.values())
    parts = ((name, part_of(whole, name)) for name in towers_of(whole.elements))
    sized = [(sum(part.elements.values()), name, part) for name, part in parts if part.samples]
    for size, name, part in sorted(sized, key=lambda each: (-each[0], each[1]))[:MOST]:
        groups = {where: group for where, group in look.groups.items() if first_of(where[0]) == name}
        yield Part(name, part, size, size / total if total else 0.0, (), groups)


def reserved(facts: RepoFacts) -> tuple[int, int]:
    """Return the requests and bytes of a first look that are reserved for the other components."""
    count = min(MOST, len(others(facts.files)))
    return REQUESTS * count, BYTES * count


def compare_part(
    known: KnownModels, part: Part, main: Case, cards: Sequence[Card], more: Sequence[Place] = (), *, gated: bool
) -> ComparedPart:
    """Compare a component with the known models. `main`: the case of the main one; `more`: words outside the card."""
    references = known.candidates(part.sketch, main.weights_at, main.disclosure.parents)
    case = case_of(part.sketch, references, main.disclosure, main.weights_at, main.screened, main.maker)
    case = add_named_kin(known, case, cards, more, gated=gated)
    return ComparedPart(part, case, component_of(case, part.name, part.parameters, part.share))


def compare_parts(
    known: KnownModels, source: Source, parts: Sequence[Part], main: Case, cards: Sequence[Card], problems: list[str]
) -> Iterator[ComparedPart]:
    """Compare each component; read more of one that is kin of a known model and not a copy."""
    gated = source.facts().gated
    for part in parts:
        found = compare_part(known, part, main, cards, gated=gated)
        if is_open(found.component, part.share):
            found = compare_part(known, read_more(source, part, problems), main, cards, gated=gated)
        yield found


def _part(source: Source, facts: RepoFacts, spec: SampleSpec, name: str, files: Sequence[RepoFile]) -> Part:
    read = files[:SHARDS]
    layout = layout_of(_headers(source, read))
    groups = groups_of(layout)
    whole = len(read) == len(files)
    elements = {role: n if whole else 0 for role, n in elements_of(layout).items()}
    size = sum(f.size for f in files)
    parameters = round(layout.parameters * size / sum(f.size for f in read))
    sketch = Sketch(facts.ref, spec, _samples(source, groups, spec, BUDGET), elements)
    share = size / sum(f.size for some in (weight_files(facts.files), *others(facts.files).values()) for f in some)
    return Part(name, sketch, parameters, share, tuple(f.path for f in files), groups)


def read_more(source: Source, part: Part, problems: list[str]) -> Part:
    """Read as many samples as a first look does of a whole model; on failure append a problem and return the part."""
    try:
        samples = _samples(source, part.groups, part.sketch.spec, WIDER)
    except Unavailable:
        raise
    except (SourceError, ValueError) as error:
        problems.append(f"its component {part.name} could not be read further: {error}")
        return part
    return replace(part, sketch=replace(part.sketch, samples=samples))


def _samples(source: Source, groups: Groups, spec: SampleSpec, budget: ReadBudget) -> dict[SliceKey, Sample]:
    plan = plan_reads(groups, spec, budget)
    return samples_from(plan, source.read([Span(*span) for span in plan.spans]))


def _headers(source: Source, files: Sequence[RepoFile]) -> Mapping[str, ShardHeader]:
    begun = source.read([Span(f.path, 0, min(FIRST_BYTES, f.size)) for f in files])
    ends = [PREFIX + header_length(data, f, f.path) for f, data in zip(files, begun, strict=True)]
    if max(ends) > HEADER_BYTES:
        raise TooLarge(f"its headers have more than {HEADER_BYTES:,} bytes")
    long = [(i, Span(files[i].path, len(begun[i]), end)) for i, end in enumerate(ends) if end > len(begun[i])]
    rest = dict(zip((i for i, _ in long), source.read([span for _, span in long]), strict=True)) if long else {}
    texts = [(data + rest.get(i, b""))[PREFIX:end] for i, (data, end) in enumerate(zip(begun, ends, strict=True))]
    return {f.path: parse_header(text, f, f.path) for f, text in zip(files, texts, strict=True)}
