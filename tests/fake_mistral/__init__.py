"""A real HTTP server on localhost that speaks Mistral's chat completions, strictly, and misbehaves on demand."""

from tests.fake_mistral.answers import Known
from tests.fake_mistral.process import FakeMistralProcess
from tests.fake_mistral.server import Behaviour, FakeMistral

__all__ = ["Behaviour", "FakeMistral", "FakeMistralProcess", "Known"]
