"""What can be wrong with an upload, as the analyzers see it. Drawn as a tree:

BlendwatchError            anything this project raises on purpose; its text is one clear sentence
+-- Unreadable             this upload cannot be judged, and asking again will not help
    +-- MalformedWeights   headers, index or bytes that contradict the safetensors format
    +-- MalformedConfig    a config.json that is no JSON object
    +-- UnsupportedDtype   weights stored in a type this version does not read
"""


class BlendwatchError(Exception):
    """Anything this project raises on purpose; its text is one clear sentence that names the thing."""


class Unreadable(BlendwatchError):
    """This upload cannot be judged, and asking again will not help."""


class MalformedWeights(Unreadable):
    """Headers, index or bytes that contradict the safetensors format."""


class MalformedConfig(Unreadable):
    """A config.json that is not a JSON object."""


class UnsupportedDtype(Unreadable):
    """Weights stored in a type this version does not read."""
