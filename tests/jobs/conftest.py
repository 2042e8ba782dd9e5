"""The app of the services' tests: a real database and a clock that stands still."""

from tests.services.conftest import app, clock

__all__ = ["app", "clock"]
