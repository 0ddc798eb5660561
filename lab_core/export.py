"""A recipe as a plain PyTorch script: `nn.Module`, `torch.optim`, `backward`, nothing of ours.

The text says what this recipe does and no more. It runs replica by replica on the CPU and prints
the training losses of a `Run` of the recipe as CSV.
"""

from __future__ import annotations

from textwrap import indent
from typing import Any

from lab_core.export_arm import Names, Trainer
from lab_core.optimizers import Filter
from lab_core.recipe import Recipe
from lab_core.timeline import timelines


def to_torch(recipe: Recipe) -> str:
    """The script's text; it prints CSV with the columns step, arm, replica and train_loss: the loss
    over all examples, before every step, or under minibatches at the probes' steps.

    Raises BadInput for a part that has no plain PyTorch form.
    """
    arms = timelines(recipe)
    start = [r.flat() for r in arms[0].segments[0][1]]
    names = Names({name: [flat[name] for flat in start] for name in recipe.axes()})
    arguments = ", ".join(["replica", *recipe.axes()])
    calls = [f"arm{a.index}" if len(arms) > 1 else "train" for a in arms]
    trainers = [
        f"def {call}({arguments}):\n{indent(Trainer(names, arm).text(), '    ')}\n"
        for call, arm in zip(calls, arms, strict=True)
    ]
    main = _main(recipe, [f"{call}({arguments})" for call in calls])
    return _head(recipe, body := "\n\n".join([*names.texts(), *trainers, main])) + body


def _head(recipe: Recipe, body: str) -> str:
    """Docstring, imports, settings."""
    parts: list[Any] = [recipe.data, recipe.model, recipe.loss, recipe.optimizer]
    parts += [recipe.filter] if type(recipe.filter) is not Filter else []
    what = ", ".join(part.label for part in parts)
    modules = [m for m in ("copy", "itertools", "math", "zlib") if f"{m}." in body]
    lines = [
        f'"""{what[0].upper()}{what[1:]}.\n',
        'Prints the training loss as CSV: step,arm,replica,train_loss.\n"""\n',
        *(f"import {m}" for m in modules),
        "\nimport numpy as np\nimport torch\nfrom torch import nn\n",
        "torch.set_default_dtype(torch.float64)",
        "saved = {}  # (arm, replica) -> the net and optimizer from which it goes on\n"
        if "saved[" in body
        else "",
    ]
    return "\n".join(lines) + "\n\n"


def _main(recipe: Recipe, calls: list[str]) -> str:
    """Train every replica of every arm."""
    header, axes = 'print("step,arm,replica,train_loss")\n', recipe.axes()
    if not axes:
        return header + "\n".join(calls).replace("replica", "0") + "\n"
    names, lists = ", ".join(axes), ", ".join(map(_listed, axes.values()))
    each = f"{names} in enumerate({lists})"
    if len(axes) > 1:
        each = f"({names}) in enumerate(itertools.product({lists}))"
    return f"{header}for replica, {each}:\n" + indent("\n".join(calls) + "\n", "    ")


def _listed(values: tuple[Any, ...]) -> str:
    """A list of values, as a range where it is a long one."""
    first, last = values[0], values[-1]
    if len(values) > 3 and isinstance(first, int) and values == tuple(range(first, last + 1)):
        return f"range({first}, {last + 1})" if first else f"range({last + 1})"
    return repr(list(values))
