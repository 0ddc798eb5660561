"""One thread for torch in all tests, since equal bits are promised for a thread count."""

from lab_core.devices import one_thread

one_thread()
