"""What a kernel of the labs needs, imported and read before the kernels are forked.

It must leave the process with a single thread: see `widgets.public.forks`.
"""

import gc
import sys

sys.modules.setdefault("debugpy", None)  # type: ignore[arg-type] # nobody debugs a public kernel

import ipykernel.kernelapp  # noqa: E402
import IPython.core.completerlib
import IPython.core.debugger
import IPython.extensions.storemagic  # noqa: F401

import widgets.curve
import widgets.fractal
import widgets.lab
import widgets.phase
import widgets.public.forked
import widgets.public.terms
import widgets.session  # noqa: F401
from lab_core.devices import one_thread
from lab_core.phenomena import PHENOMENA
from lab_core.run import Run

one_thread()
for phenomenon in PHENOMENA.values():
    for preset in list(phenomenon.presets.values())[:1]:
        Run(preset.recipe).advance(0)  # which reads the data
gc.collect()
gc.freeze()  # else each kernel's first collection would copy what all share
