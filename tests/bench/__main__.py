"""`make bench`: every figure beside its goal."""

import shutil

from tests.bench import (
    double_descent,
    engine,
    fractal,
    grokking,
    large_steps,
    load,
    memory,
    screen,
    scrub,
    sensing,
    standalone,
    sweep,
    unfolding,
)
from tests.browser.conftest import NAMES

engine.main()
grokking.main()
large_steps.main()
double_descent.main()
memory.main()
sensing.main()
fractal.main()
sweep.main()
if any(map(shutil.which, NAMES)):
    screen.main()
    scrub.main()
    standalone.main()
    unfolding.main()
    load.main()
else:
    print("the live page: no Chromium here; install one (`apt install chromium`)")
