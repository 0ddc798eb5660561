"""The exported PyTorch script, run without lab_core, prints the losses of the run."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from lab_core import export_arm, export_parts
from lab_core.export import to_torch
from lab_core.formats import from_url
from lab_core.knobs import BadInput
from lab_core.recipe import PARTS, Recipe, companions
from lab_core.run import Run

SMALL = Recipe().set({"data": "chebyshev", "width": 8, "steps": 100})
CLASSES = SMALL.set({"data": "clusters", "n": 30, "dim": 5})
PAIRS = SMALL.set({"data": "modular", "p": 7, "fraction": 0.6, "model": "pair-mlp",
                   "loss": "cross-entropy"})  # fmt: skip
# parts that are left to the core: their kernels, or solvers, are the point of them
PLAINLESS = {"optimizer": {"flow", "scaled-gd", "rebalanced-gd", "alternating", "normalised-gd",
                           "lasso-gd"},
             "loss": {"bures-wasserstein", "power", "noisy-squared-error"},
             "model": {"transformer", "committee", "scaled-committee", "diagonal-linear",
                       "symmetric-factors", "asymmetric-factors", "dropout-mlp", "interpolant",
                       "residual-mlp"}}  # fmt: skip
ROUNDED = {"float16": 1e-2, "float32": 1e-4}  # where a rounding is as large as that

RECIPES = {
    "default": (Recipe(), "steps=100"),
    "gd": (SMALL, "lr=0.1,0.2&weight_decay=0.01&seed=0,1"),
    "heavy-ball": (SMALL, "optimizer=heavy-ball&beta=0.5,0.9,0.0"),
    "nesterov": (SMALL, "optimizer=nesterov&beta=0.9,0.0&lr=0.02"),
    "rmsprop": (SMALL, "optimizer=rmsprop&weight_decay=0.1&eps=0.001,1e-08"),
    "adam": (SMALL, "optimizer=adam&beta1=0.9,0.0&weight_decay=0.1"),
    "adamw": (SMALL, "optimizer=adamw&weight_decay=0.1,0.0&lr=0.01"),
    "digits": (SMALL, "data=digits&n=60&seed=0,3"),
    "clusters": (CLASSES, "data_seed=5,6&init_seed=7"),
    "point": (SMALL, "data=point&model=deep-linear&parametrization=ntk&lr=0.5,1.5"),
    "cross-entropy": (CLASSES, "loss=cross-entropy&activation=relu"),
    "deep ntk": (SMALL, "parametrization=ntk&depth=4&activation=gelu&init_scale=0.5,1.0"),
    "deep mup": (SMALL, "parametrization=mup&depth=3&width=9&lr=0.01"),
    "one mup layer": (CLASSES, "parametrization=mup&depth=1&activation=linear"),
    "linear": (CLASSES, "model=deep-linear&depth=3&init_scale=0.5"),
    "warmup": (SMALL, "schedule=warmup&warmup=30&lr=0.1,0.2"),
    "cosine": (SMALL, "schedule=cosine&optimizer=adamw&weight_decay=0.1"),
    "linear decay": (SMALL, "schedule=linear&optimizer=heavy-ball&lr=0.05"),
    "one drop": (SMALL, "schedule=drop&drop_at=30&drop_to=0.2"),
    "digits of noise": (SMALL, "data=digits&n=60&corruption=0.5&pixels=gaussian"),
    "one-cycle": (SMALL, "schedule=one-cycle&peak=0.4"),
    "batches": (CLASSES, "batch_size=7&seed=0,1&probes=sharpness:10,weight_norm:15"),
    "batches unseen": (CLASSES, "batch_size=7&probes=none"),
    "too large a batch": (CLASSES, "batch_size=1000"),
    "diverging": (SMALL, "lr=0.1,20.0,1000000.0&change=50:0:1:lr=0.1&branch=60:0:here:lr=0.05"),
    "diverging batches": (CLASSES, "lr=0.1,60.0&batch_size=7&probes=weight_norm:3"),
    "float32": (SMALL, "dtype=float32&steps=20"),
    "changes": (
        SMALL,
        "lr=0.1,0.2&optimizer=heavy-ball&change=10:0:*:lr=0.05&change=20:0:1:lr=0.01"
        "&change=20:0:*:beta=0.5,0.0&change=40:0:*:beta=0.7&change=500:0:*:steps=110",
    ),
    "changing schedules": (
        SMALL,
        "schedule=warmup&warmup=50&lr=0.1,0.2&change=20:0:*:warmup=25&change=30:0:*:schedule=cosine"
        "&change=35:0:0:lr=0.3&change=40:0:*:steps=90&change=50:0:*:schedule=constant",
    ),
    "changing batches": (
        CLASSES,
        "seed=0,1&change=10:0:*:batch_size=7&change=23:0:*:batch_size=12&change=50:0:*:batch_size=0"
        "&change=70:0:*:batch_size=40&change=80:0:*:batch_size=3&branch=57:0:here:batch_size=5",
    ),
    "branches": (
        CLASSES,
        "lr=0.1,0.2&batch_size=7&change=10:0:0:lr=0.15&branch=33:0:here:optimizer=adam;lr=0.01"
        "&branch=33:0:start:model=deep-linear;lr=0.05&change=60:1:*:weight_decay=0.1"
        "&branch=40:2:start:data=digits;n=50;batch_size=0&branch=70:1:here:loss=cross-entropy"
        "&branch=100:0:here:steps=120&branch=100:0:here:steps=120;optimizer=gd;lr=0.3",
    ),
    "forks": (
        CLASSES,
        "optimizer=adam&lr=0.01,0.02&batch_size=7&change=30:0:*:lr=0.005&change=60:0:*:lr=0.01"
        "&branch=40:0:here:lr=0.03&branch=10:0:here:beta1=0.5&branch=20:2:here:loss=cross-entropy"
        "&branch=55:1:here:weight_decay=0.1",
    ),
    "modular": (PAIRS, "operation=add&seed=0,1&lr=0.5&corruption=0.2"),
    "modular division": (PAIRS, "operation=divide&init_scale=1.0,2.0&activation=relu&lr=0.3"),
    "modular squares": (PAIRS, "operation=squares&optimizer=adamw&lr=0.01&weight_decay=1.0"),
    "modular batches": (PAIRS, "operation=subtract&batch_size=9&probes=weight_norm:7"),
    "modular products": (PAIRS, "operation=multiply&loss=squared-error&lr=0.1"),
    "modular float32": (PAIRS, "dtype=float32&steps=20"),
    "stablemax": (CLASSES, "loss=stablemax&lr=0.1,0.3"),
    "stablemax on pairs": (PAIRS, "loss=stablemax&init_scale=3.0"),
    "logistic": (SMALL, "data=xor&loss=logistic&n=20&dim=30&lr=0.01"),
    "frobenius": (SMALL, "data=covariance&dim=4&model=deep-linear&loss=frobenius&true_rank=2&seed=0,1"),
    "perceptron": (
        SMALL, "data=separable&n=30&model=linear&loss=perceptron&corruption=0.1&lr=1.0"
    ),
    "linear classifier": (
        SMALL, "data=digit-pair&n=60&model=linear&loss=logistic&init_scale=0.1,1.0&lr=1.0,1e6&steps=20"
    ),
    "softmax in float64": (CLASSES, "loss=cross-entropy&precision=float64"),
    "softmax in float32": (PAIRS, "precision=float32"),
    "softmax in float16": (PAIRS, "precision=float16&init_scale=3.0"),
    "stablemax in float16": (PAIRS, "loss=stablemax&precision=float16&steps=20"),
    "changing precision to float32": (
        PAIRS, "seed=0,1&change=20:0:*:precision=float32&change=40:0:*:precision=same"
        "&branch=30:0:here:lr=0.2&branch=35:0:here:loss=stablemax"
    ),
    "grokfast": (PAIRS, "filter=grokfast&strength=0.0,2.0&memory=0.9,0.5&lr=0.1"),
    "grokfast of a regression": (SMALL, "filter=grokfast&optimizer=adam&lr=0.01"),
    "grokfast-ma": (CLASSES, "filter=grokfast-ma&strength=0.5,1.0&window=7&batch_size=7"),
    "orthogonal": (PAIRS, "filter=orthogonal&optimizer=adamw&lr=0.01,0.02"),
    "orthogonal with single numbers": (SMALL, "filter=orthogonal&lr=0.05"),
    "changing grokfast": (
        PAIRS,
        "filter=grokfast&strength=1.0,2.0&change=10:0:*:strength=0.5&change=20:0:1:memory=0.5"
        "&change=30:0:0:strength=1.5&branch=40:0:here:memory=0.8&change=50:1:*:strength=0.0"
        "&branch=45:0:here:filter=none&branch=50:0:here:filter=grokfast-ma;window=5"
        "&branch=55:0:here:optimizer=adam;lr=0.01&branch=60:0:here:precision=float32",
    ),
    "changing window": (
        PAIRS,
        "filter=grokfast-ma&window=8&strength=1.0&optimizer=heavy-ball&beta=0.3&lr=0.05"
        "&change=20:0:*:window=3&change=40:0:*:window=12&branch=45:0:here:window=5"
        "&change=60:0:*:strength=0.5&branch=100:0:here:steps=120",
    ),
    "forks of momentum": (
        SMALL,
        "optimizer=heavy-ball&lr=0.05&schedule=warmup&warmup=40&branch=30:0:here:lr=0.02;beta=0.5"
        "&branch=30:0:here:optimizer=nesterov&branch=50:1:here:steps=110",
    ),
}  # fmt: skip

DRIVER = """
import contextlib, io, json, sys
sys.modules["lab_core"] = None
sys.modules["widgets"] = None
printed = {}
for name, text in json.load(sys.stdin).items():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(text, name, "exec"), {"__name__": "__main__"})
    printed[name] = out.getvalue()
json.dump(printed, sys.stdout)
"""


def python(*arguments: str, text: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], input=text, capture_output=True, text=True, check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return done.stdout


@pytest.fixture(scope="module")
def recipes() -> dict[str, Recipe]:
    return {name: from_url(query, base) for name, (base, query) in RECIPES.items()}


@pytest.fixture(scope="module")
def printed(recipes) -> dict[str, str]:
    """What each script prints, all of them run by one interpreter that has no lab_core."""
    texts = {name: to_torch(recipe) for name, recipe in recipes.items()}
    return json.loads(python("-c", DRIVER, text=json.dumps(texts)))


def recorded(recipe: Recipe) -> dict[tuple[int, int, int], float]:
    out = {}
    for index, arm in Run(recipe).finish().arms.items():
        steps, values = arm.record["train_loss"]
        for t, row in zip(steps, values, strict=True):
            out |= {(int(t), index, r): v for r, v in enumerate(row.tolist()) if v == v}
    return out


@pytest.mark.parametrize("name", RECIPES)
def test_prints_the_losses_of_the_run(name, recipes, printed):
    rows = list(csv.reader(io.StringIO(printed[name])))
    assert rows[0] == ["step", "arm", "replica", "train_loss"]
    got = {tuple(map(int, row[:3])): float(row[3]) for row in rows[1:]}
    want = recorded(recipes[name])
    assert set(got) == set(want)
    assert len(got) == len(rows) - 1
    rel = next((rel for word, rel in ROUNDED.items() if word in name), 1e-6)
    assert got == pytest.approx(want, rel=rel)


def test_is_a_program_of_its_own(recipes, printed):
    text = to_torch(recipes["default"])
    assert python("-", text=text) == printed["default"]
    assert "lab_core" not in text
    assert 40 < len(text.splitlines()) < 90


@pytest.mark.parametrize(
    ("word", "query"),
    {
        "itertools": "lr=0.1,0.2&seed=0,1",
        "batch(": "batch_size=8",
        "schedule": "schedule=warmup&change=3:0:*:schedule=cosine",
        "warmup": "schedule=warmup",
        "copy": "branch=3:0:here:lr=0.2",
        "if t ==": "change=3:0:*:lr=0.2",
        "init_scale": "init_scale=0.5,1.0",
        "remembered": "filter=grokfast",
        "for p in net": "filter=orthogonal",
        "loss_of": "data=clusters&loss=cross-entropy&change=3:0:*:precision=float32",
    }.items(),
)
def test_says_only_what_the_recipe_needs(word, query):
    assert word not in to_torch(SMALL)
    assert word in to_torch(from_url(query, SMALL))


def test_every_part_has_a_plain_form_or_is_refused(monkeypatch):
    tables = {
        "model": export_parts.NETS,
        "filter": export_parts.FILTERS,
        "loss": export_parts.LOSSES,
        "optimizer": export_parts.OPTIMIZERS,
        "schedule": export_parts.SCHEDULES,
    }
    for part, table in tables.items():
        without = {name for name, cls in PARTS[part].items() if cls not in table}
        assert without == PLAINLESS.get(part, set())
        for name in without:
            with pytest.raises(BadInput, match=": it has no plain PyTorch form; choose one of"):
                to_torch(CLASSES.set(companions(CLASSES, part, name)))
    monkeypatch.setattr(export_arm, "OPTIMIZERS", {})
    with pytest.raises(BadInput, match="gradient descent: it has no plain PyTorch form"):
        to_torch(SMALL)
