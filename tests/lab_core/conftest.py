"""Properties that never vary and never time out."""

from hypothesis import settings

settings.register_profile("core", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("core")
