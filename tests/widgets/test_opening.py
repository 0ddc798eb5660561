"""What a link or a file says, however broken: what can be read is, and one sentence says the rest."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab_core.formats import to_json, to_url
from lab_core.knobs import BadInput, knobs
from lab_core.phenomena import PHENOMENA
from lab_core.recipe import PARTS, Branch, Change, Recipe
from widgets import link, opening
from widgets.link import Look
from widgets.sources import AXES

ABOUT = PHENOMENA["edge-of-stability"]
STEPS = st.integers(0, link.MOST_STEP)
FINITE = st.floats(-1e6, 1e6).map(lambda v: float(f"{v:.6g}"))  # as a link writes it
RANGES = st.tuples(FINITE, st.floats(1e-3, 1e6)).map(
    lambda p: [p[0], float(f"{p[0] + p[1] + abs(p[0]) * 1e-3:.6g}")]
)
Y_AXIS = st.sampled_from(["y", "y2", "y3", "y4"])
AXIS = Y_AXIS | st.sampled_from(["x", "x2", "x3", "x4"])
LOCKABLE = st.sampled_from(sorted(opening.lockable()))
LOOKS = st.builds(
    Look,
    preset=st.sampled_from(list(ABOUT.presets)),
    at=st.lists(STEPS, max_size=5).map(tuple),
    arm=st.integers(0, 9),
    moment=st.none() | STEPS,
    plot=st.sampled_from(["", "eigenvalues", "accuracy"]),
    x=st.sampled_from(["", *AXES]),
    hidden=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    closed=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    ghosts=st.lists(st.sampled_from(["gradient-flow-0", "central-flow-12"])).map(tuple),
    zoom=st.dictionaries(AXIS, RANGES, max_size=3),
    scale=st.dictionaries(Y_AXIS, st.sampled_from(["log", "linear"]), max_size=3),
    lock=st.lists(LOCKABLE, max_size=4).map(tuple),
    hide=st.lists(LOCKABLE, max_size=4).map(tuple),
)


def pieces(query: str) -> list[str]:
    return [piece for piece in query.split("&") if piece]


@settings(max_examples=200, deadline=None)
@given(LOOKS)
def test_a_look_survives_both_texts(look: Look) -> None:
    assert link.from_query(pieces(link.to_query(look))) == (look, [])
    assert link.from_plain(json.loads(json.dumps(link.to_plain(look)))) == (look, [])


def test_no_field_of_the_page_is_a_knob() -> None:
    parts = [cls for registry in PARTS.values() for cls in registry.values()]
    names = {name for owner in [Recipe, *parts] for name in knobs(owner)} | set(PARTS)
    assert not names & {*link.NAMES, opening.VERSION, opening.THEME, "probes", "change", "branch"}


# ---- what is left of a broken link


LINK = "edgewise=1&preset=chebyshev&lr=0.2&seed=4&change=50:0:*:lr=0.1&at=60&plot=accuracy"
RECIPE = ABOUT.presets["chebyshev"].recipe.set({"lr": 0.2, "seed": 4})
CHANGE = Change(50, 0, "lr", 0.1)
GOOD = RECIPE.set({"changes": (CHANGE,)})


def test_a_sound_link_says_nothing() -> None:
    opened = opening.from_query(ABOUT, LINK)
    assert (opened.recipe, opened.look.at, opened.notice) == (GOOD, (60,), "")
    assert opening.from_query(ABOUT, f"http://127.0.0.1:8/voila/x.ipynb?{LINK}#top") == opened


@pytest.mark.parametrize(
    "query, recipe, said",
    [
        (LINK.replace("&at=60&plot=accuracy", "")[:-2], RECIPE, "lr: 0 is outside"),
        (LINK.replace("lr=0.2", "lr=-2"), GOOD.set({"lr": 0.4}), "lr: -2 is outside its domain"),
        (LINK + "&perpetual=1", GOOD, "perpetual: no such knob"),
        (LINK.replace("at=60", "at=six"), GOOD, "at: 'six' is not a step"),
        (LINK + "&zoom=x:5:1", GOOD, "zoom: "),
        (LINK + "&change=70:0:*:lr=-1", GOOD, "lr: -1 is outside its domain"),
        (LINK + "&branch=70:3:here:lr=1", GOOD, "there is no arm 3 yet"),
        (LINK + "&seed=5", GOOD, "seed: give it once"),
        (LINK + "&x=bar", GOOD, "x: 'bar' is not known; choose step, log-step, time, loss"),
        (LINK + "&ghosts=foo-0", GOOD, "ghosts: 'foo-0' is not known"),
        (LINK + "&hidden=7", GOOD, "arm: there is no arm 7"),
    ],
)
def test_what_can_be_read_is_read(query: str, recipe: Recipe, said: str) -> None:
    opened = opening.from_query(ABOUT, query)
    base = ABOUT.presets["chebyshev"].recipe
    if "lr=-2" in query:
        recipe = recipe.set({"lr": base.optimizer.lr})
    assert opened.recipe == recipe and opened.preset == "chebyshev"
    assert opened.notice.startswith("Left out: ") and said in opened.notice


def test_a_link_of_another_version_opens_the_preset() -> None:
    opened = opening.from_query(ABOUT, LINK.replace("edgewise=1", "edgewise=2"))
    assert opened.recipe == ABOUT.default.recipe and "version '2'" in opened.notice


def test_what_is_for_voila_and_jupyter_is_not_for_the_lab() -> None:
    opened = opening.from_query(ABOUT, "theme=dark&token=6e656e&preset=chebyshev")
    assert opened.preset == "chebyshev" and not opened.notice


def test_a_file_with_unknown_knobs_is_read_all_the_same() -> None:
    fields = json.loads(to_json(GOOD, {"at": [60], "moods": 3}))
    fields |= {"perpetual": 1, "seed": "four"}
    opened = opening.from_text(ABOUT, json.dumps(fields), "chebyshev")
    assert opened.recipe == GOOD.set({"seed": 0}) and opened.look.at == (60,)
    assert len(opened.said) == 3
    for text in (to_json(GOOD)[:-30], "[]", "{}", "{", to_json(GOOD).replace(": 1,", ": 7,", 1)):
        with pytest.raises(BadInput):
            opening.from_text(ABOUT, text, "chebyshev")


def test_what_is_too_large_for_memory_opens_the_preset() -> None:
    query = "data=clusters&n=10000&width=4096&depth=64"
    opened, run = opening.started(ABOUT, opening.from_query(ABOUT, query))
    assert opened.recipe == run.recipe == ABOUT.default.recipe
    assert "do not fit in memory" in opened.notice


def test_a_million_steps_are_allowed_and_cost_nothing_before_they_are_taken() -> None:
    opened = opening.from_query(ABOUT, "steps=1000000&at=1000000")
    assert opened.recipe.steps == 10**6 and not opened.notice
    assert opening.started(ABOUT, opened)[1].arms[0].t == 0


# ---- a thousand nasty ones


NAMES = [*link.NAMES, "edgewise", "theme", "lr", "steps", "seed", "width", "n", "optimizer", "data",
         "loss", "probes", "change", "branch", "changes", "__class__", "model", "dtype", "device",
         "batch_size", "schedule", "init_scale", "", "a" * 300, "ключ", "<script>"]  # fmt: skip
VALUES = ["", "nan", "inf", "-1", "1e999", "9" * 400, "1000000", "0", "0.1,0.2", ",", ":", "::::",
          "%00", "%", "%ff%fe", "__import__('os').system('true')", "<img src=x onerror=alert(1)>",
          "${7*7}", "{{7*7}}", "../../etc/passwd", "0:0:*:lr=1", "5:0:start:lr=1;seed=2",
          "5:0:here:none", "1:9:*:lr=1", "x:0:1", "y9:a:b", "true", "null", "1_000", "٣", "adam",
          "sharpness:0", "sharpness:1", "-0.0", "1e-320", "0x10", "cross-entropy", "chebyshev",
          ",".join(map(str, range(2000)))]  # fmt: skip
PIECE = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)).map(lambda p: f"{p[0]}={p[1]}"),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)).map(
        lambda p: f"{p[0]}={quote(p[1])}"
    ),
    st.text(max_size=30),
    st.sampled_from(pieces(LINK)),
)
CUT = st.tuples(st.integers(0, len(LINK)), st.integers(0, len(LINK)), st.text(max_size=3)).map(
    lambda t: LINK[: t[0]] + t[2] + LINK[t[1] :]
)
NASTY = st.lists(PIECE, max_size=8).map("&".join) | CUT


@pytest.mark.long
@settings(max_examples=1000, deadline=60_000)  # which only what hangs would miss
@given(NASTY)
@example("change=0:0:*:lr=1&" * 1500)
@example("foo=1&" * 9000)
@example("branch=0:0:start:none&" * 500)
@example("seed=" + ",".join(map(str, range(1024))) + "&change=1:0:*:lr=0.1" * 190 + "&foo=1")
@example("seed=" + ",".join(map(str, range(1024))) + "&lr=" + ",".join(["0.1"] * 1024))
def test_no_link_does_harm(query: str) -> None:
    opened = opening.from_query(ABOUT, query)
    assert opened.preset in ABOUT.presets
    assert all(opened.said) and bool(opened.notice) == bool(opened.said)
    again = opening.from_query(ABOUT, to_url(opened.recipe, ABOUT.presets[opened.preset].recipe),
                               opened.preset)  # fmt: skip
    assert again.recipe == opened.recipe and not again.said, "what was read is sound"
    if opened.recipe.replicas < 8 and opened.recipe != ABOUT.presets[opened.preset].recipe:
        opened, run = opening.started(ABOUT, opened)
        assert all(isinstance(c, (Change, Branch)) for c in run.changes)


SPOILT = st.tuples(st.integers(0, 4000), st.integers(0, 60), st.text(max_size=4)).map(
    lambda t: FILE[: t[0]] + t[2] + FILE[t[0] + t[1] :]
)
FILE = to_json(GOOD, {"preset": "chebyshev", "at": [60], "zoom": {"x": [0, 5]}})


@settings(max_examples=300, deadline=60_000)
@given(SPOILT)
def test_no_file_does_harm(text: str) -> None:
    try:
        opened = opening.from_text(ABOUT, text, "digits")
    except BadInput:
        return
    assert opened.preset in ABOUT.presets and opening.started(ABOUT, opened)[1].arms
