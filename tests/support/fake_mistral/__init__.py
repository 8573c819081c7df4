"""A real HTTP server on localhost that speaks Mistral's chat completions, strictly, and misbehaves
on demand."""

from tests.support.fake_mistral.answers import Known
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.fake_mistral.server import Behaviour, FakeMistral

__all__ = ["Behaviour", "FakeMistral", "FakeMistralProcess", "Known"]
