"""What a kernel of the labs needs, imported and read before the kernels are forked.

It must leave the process with a single thread: see `widgets.public.forks`.
"""

import gc
import sys
from importlib import import_module

from IPython.core.profiledir import ProfileDir
from IPython.paths import get_ipython_dir

from lab_core.devices import one_thread
from lab_core.phenomena import PHENOMENA
from lab_core.run import Run

NEEDED = ["ipykernel.kernelapp", "IPython.core.completerlib", "IPython.core.debugger",
          "IPython.extensions.storemagic", "widgets.curve", "widgets.fractal", "widgets.lab",
          "widgets.optimizer_card", "widgets.phase", "widgets.public.forked",
          "widgets.public.terms", "widgets.session"]  # fmt: skip

sys.modules.setdefault("debugpy", None)  # type: ignore[arg-type] # nobody debugs a public kernel
one_thread()
for name in NEEDED:
    import_module(name)
for phenomenon in PHENOMENA.values():
    for preset in list(phenomenon.presets.values())[:1]:
        Run(preset.recipe).advance(0)  # which reads the data
# the kernels, which cannot write, find it there
ProfileDir.create_profile_dir_by_name(get_ipython_dir(), "default")
gc.collect()
gc.freeze()  # else each kernel's first collection would copy what all share
