"""The function that trains one replica of an arm, as text."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from lab_core.export_parts import (
    BATCH,
    FILTERS,
    LOSSES,
    NETS,
    NORMAL,
    OPTIMIZERS,
    SCHEDULES,
    STREAM,
    block,
    call,
    limit,
    loss,
)
from lab_core.knobs import BadInput, knobs
from lab_core.recipe import Recipe, seeds_of, slug
from lab_core.schedules import Constant
from lab_core.timeline import Timeline

Lines = list[str]


@dataclass
class Names:
    """What the functions of a script may name: `columns` are their arguments, one value a replica;
    `definitions` stand above them, each text with the name it got.
    """

    columns: dict[str, list[Any]]
    definitions: dict[str, str] = field(default_factory=dict)

    def define(self, name: str, text: str) -> str:
        """Put a definition of NAME above, once; the name that it gets."""
        if text not in self.definitions:
            alike = [
                known for known in self.definitions.values() if known.rstrip("0123456789") == name
            ]
            self.definitions[text] = f"{name}{len(alike) + 1}" if alike else name
        return self.definitions[text]

    def texts(self) -> Lines:
        return [text.replace("NAME", name) for text, name in self.definitions.items()]

    def value(self, values: list[Any], *names: str) -> str:
        """One value a replica, as a number, as the argument of one of these names, or as a list."""
        if all(v == values[0] for v in values):
            return repr(values[0])
        found = [name for name in names if self.columns.get(name) == values]
        return found[0] if found else f"{values!r}[replica]"


class Trainer:
    """One arm's function. What does not move within the arm is written where it is used."""

    def __init__(self, names: Names, arm: Timeline):
        self.names, self.arm = names, arm
        self.start = arm.segments[0][1]
        self.program = self.start[0]
        x, y, *_ = self.program.data.arrays(seeds_of(self.program, "data"))
        self.n, self.d, self.c = len(x), x.shape[1], y.shape[1]
        sizes = {recipes[0].batch_size for _, recipes in arm.segments}
        self.sizes = sizes if any(0 < size < self.n for size in sizes) else set()
        self.scheduled = any(type(r[0].schedule) is not Constant for _, r in arm.segments)

    def text(self) -> str:
        """The lines of its body."""
        arm, first = self.arm, str(self.arm.end)
        if arm.start:
            first = f"{arm.start}, {arm.end}"
        ends = [k for t, k in arm.children if t >= arm.end]
        return "\n".join(
            [
                f'"""{self._title()}"""',
                *self._setup(),
                f"for t in range({first}):",
                *block(self._step()),
                *(self._save(k) for k in ends),
            ]
        )

    def _title(self) -> str:
        if not self.arm.index:
            return "Train one replica."
        if self.arm.parent is None:
            return "Train one replica from the start with other settings."
        return f"Train one replica on from arm {self.arm.parent} at step {self.arm.start}."

    # ---- before the first step

    def _setup(self) -> Lines:
        name, given = self._optimizer(self.start)
        lines = [*self._data(), *self._net()]
        if self.arm.afresh:
            lines.append(f"optimizer = {call(f'torch.optim.{name}', 'net.parameters()', **given)}")
        else:
            lines.append(call("optimizer.param_groups[0].update", **given))
        if self.scheduled and self._moves("lr") and self._knob("lr", self.start) != "lr":
            lines.append(f"lr = {self._knob('lr', self.start)}")
        lines += [f"{name} = {value}" for name, value in self._filter(self.start).items()
                  if self._moves(name) and value != name]  # fmt: skip
        if self.remembers and self.arm.afresh:
            lines.append("remembered = {}")
        if len(self._schedules()) > 1:
            lines.append(f"schedule = {self._schedule(self.program)}")
        if len(self._objectives()) > 1:
            lines.append(f"loss_of = {self._objective(self.program)}")
        if len(self.sizes) > 1:
            lines.append(f"size = {self.program.batch_size}")
        if self.sizes:
            lines.append(f"seen = {self.arm.seen}")
        return [*lines, "limit = None"]

    def _data(self) -> Lines:
        data = self.program.data
        source = type(data).source
        self.names.define(source.__name__, inspect.getsource(source).replace(" -> Arrays:", ":"))
        given = {key: repr(value) for key, value in vars(data).items()}
        arrays = call(source.__name__, **given, seed=self._seed("data"))
        return [f"x, y = (torch.tensor(a){self._cast()} for a in {arrays}[:2])"]

    def _net(self) -> Lines:
        if self.arm.parent is not None:
            key = f"{self.arm.index}, replica"
            skip = [f"if ({key}) not in saved:", "    return  # it diverged before that"]
            return [*skip, f"net, {'*_' if self.arm.afresh else self._state()} = saved[{key}]"]
        self.names.define("stream", STREAM)
        self.names.define("normal", NORMAL)
        model = known(self.program.model, NETS)
        scale = self._knob("init_scale", self.start)
        name = self.names.define("Net", NETS[type(model)](model, self.d, self.c, scale != "1.0"))
        scale = "" if scale == "1.0" else f", {scale}"
        return [f"net = {name}({self._seed('init')}{scale}){self._cast()}"]

    def _cast(self) -> str:
        return "" if self.program.dtype == "float64" else ".float()"

    def _seed(self, purpose: str) -> str:
        seeds = [seeds_of(r, purpose) for r in self.start]
        return self.names.value(seeds, "seed", f"{purpose}_seed")

    # ---- one step

    def _step(self) -> Lines:
        return [
            *self._changes(),
            *self._saves(),
            *self._rate(),
            *self._loss(),
            f"limit = limit or {limit(self.program)}",
            "if not loss.item() < limit:",
            "    return  # diverged",
            *self._print(),
            "optimizer.zero_grad()",
            "loss.backward()",
            *self._filtering(),
            "optimizer.step()",
        ]

    def _changes(self) -> Lines:
        lines: Lines = []
        for (_, before), (t, after) in pairwise(self.arm.segments):
            moved: Lines = []
            old, new = self._optimizer(before)[1], self._optimizer(after)[1]
            group = {key: new[key] for key in new if new[key] != old[key]}
            if self.scheduled and "lr" in group:
                moved.append(f"lr = {group.pop('lr')}")
            if group:
                moved.append(call("optimizer.param_groups[0].update", **group))
            old, new = self._filter(before), self._filter(after)
            moved += [f"{name} = {value}" for name, value in new.items() if value != old[name]]
            if self._objective(after[0]) != self._objective(before[0]):
                moved.append(f"loss_of = {self._objective(after[0])}")
            if self._schedule(after[0]) != self._schedule(before[0]):
                moved.append(f"schedule = {self._schedule(after[0])}")
            if self.sizes and after[0].batch_size != before[0].batch_size:
                moved.append(f"size = {after[0].batch_size}")
            lines += [f"if t == {t}:", *block(moved)] if moved else []
        return lines

    def _saves(self) -> Lines:
        now = [(t, k) for t, k in self.arm.children if t < self.arm.end]
        pairs = [(f"if t == {t}:", f"    {self._save(k)}") for t, k in now]
        return [line for pair in pairs for line in pair]

    def _rate(self) -> Lines:
        if not self.scheduled:
            return []
        lr = "lr" if self._moves("lr") else self._knob("lr", self.start)
        schedule = "schedule" if len(self._schedules()) > 1 else self._schedule(self.program)
        return [f'optimizer.param_groups[0]["lr"] = {lr} * {schedule}(t)']

    def _loss(self) -> Lines:
        if not self.sizes:
            return [f"loss = {self._loss_of()}(net, x, y)"]
        self.names.define("batch", BATCH)
        size = "size" if len(self.sizes) > 1 else repr(self.program.batch_size)
        index = f"i = batch({self._seed('batch')}, seen, {size}, {self.n})"
        if self._sometimes_full():
            index += f" if 0 < size < {self.n} else slice(None)"
        return [index, f"seen += {size}", f"loss = {self._loss_of()}(net, x[i], y[i])"]

    def _print(self) -> Lines:
        row = f"{{t}},{self.arm.index},{{replica}}"
        if not self.sizes:
            return [f'print(f"{row},{{loss.item()!r}}")']
        every = sorted({cadence for _, cadence in self.program.probes})
        due = [f"t % {e} == 0" for e in every if not any(e % d == 0 for d in every if d < e)]
        if self._sometimes_full():
            due.append(f"not 0 < size < {self.n}")
        full = f"{self._loss_of()}(net, x, y).item()"
        printed = f'    print(f"{row},{{{full}!r}}")'
        return [f"if {' or '.join(due)}:", printed] if due else []

    def _sometimes_full(self) -> bool:
        return not all(0 < size < self.n for size in self.sizes)

    # ---- parts

    def _optimizer(self, recipes: list[Recipe]) -> tuple[str, dict[str, str]]:
        """torch's class, and its arguments as texts."""
        optimizer = known(recipes[0].optimizer, OPTIMIZERS)
        name, templates = OPTIMIZERS[type(optimizer)]
        texts = {knob: self._knob(knob, recipes) for knob in vars(optimizer)}
        if "beta" in texts:  # at 0 torch forgets the last gradient
            betas = [r.flat()["beta"] or 1e-300 for r in recipes]
            texts["beta"] = self.names.value(betas, "beta")
        return name, {key: template.format(**texts) for key, template in templates.items()}

    def _knob(self, name: str, recipes: list[Recipe]) -> str:
        return self.names.value([r.flat()[name] for r in recipes], name)

    def _moves(self, name: str) -> bool:
        return len({self._knob(name, recipes) for _, recipes in self.arm.segments}) > 1

    def _schedules(self) -> set[str]:
        return {self._schedule(recipes[0]) for _, recipes in self.arm.segments}

    def _schedule(self, program: Recipe) -> str:
        """The name of a schedule's function."""
        if not self.scheduled:
            return ""
        schedule = known(program.schedule, SCHEDULES)
        inside = SCHEDULES[type(schedule)].format(**vars(schedule), steps=program.steps)
        name = slug("schedule", schedule).replace("-", "_")
        doc = f"{schedule.label[0].upper()}{schedule.label[1:]}: what multiplies the learning rate."
        return self.names.define(name, f'def NAME(t):\n    """{doc}"""\n    {inside}\n')

    def _objective(self, program: Recipe) -> str:
        """The name of the function of a recipe's objective."""
        words, body = loss(known(program.loss, LOSSES))
        doc = f'"""L(w): {words}, its mean over examples."""'
        text = "\n".join(["def NAME(net, x, y):", *block([doc, *body.split("\n")])])
        return self.names.define("objective", f"{text}\n")

    def _objectives(self) -> set[str]:
        return {self._objective(recipes[0]) for _, recipes in self.arm.segments}

    def _loss_of(self) -> str:
        """What the objective is called where it is used."""
        return "loss_of" if len(self._objectives()) > 1 else self._objective(self.program)

    # ---- the filter

    def _filter(self, recipes: list[Recipe]) -> dict[str, str]:
        """The knobs of the filter as texts."""
        return {name: self._knob(name, recipes) for name in knobs(recipes[0].filter)}

    def _filtering(self) -> Lines:
        """What it does between backward() and step()."""
        given = self._filter(self.start)
        names = {name: name if self._moves(name) else text for name, text in given.items()}
        text = FILTERS[type(known(self.program.filter, FILTERS))].format(**names)
        return text.split("\n") if text else []

    @property
    def remembers(self) -> bool:
        return "remembered" in FILTERS.get(type(self.program.filter), "")

    def _state(self) -> str:
        return "optimizer, remembered" if self.remembers else "optimizer"

    def _save(self, arm: int) -> str:
        return f"saved[{arm}, replica] = copy.deepcopy((net, {self._state()}))"


def known(part: Any, forms: Any) -> Any:
    """The part; BadInput where none of `forms` is for it."""
    if type(part) in forms:
        return part
    names = ", ".join(form.label for form in forms)
    raise BadInput(f"{part.label}: it has no plain PyTorch form; choose one of {names}.")
