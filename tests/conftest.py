"""One thread for torch in all tests: bit-exact replay is per thread count, and nets are small."""

from lab_core.devices import one_thread

one_thread()
