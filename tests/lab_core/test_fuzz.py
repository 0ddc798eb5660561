"""Nothing but BadInput comes of any text, and what is read can be written and read again."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab_core.formats import from_json, from_url, to_json, to_url
from lab_core.knobs import BadInput
from lab_core.phenomena import PHENOMENA

QUICK = settings(max_examples=100, deadline=None)
PRESETS = [preset.recipe for p in PHENOMENA.values() for preset in p.presets.values()]

WORDS = st.sampled_from([
    "lr", "seed", "n", "optimizer", "adam", "gd", "change", "branch", "probes", "sharpness", "none",
    "changes", "here", "start", "*", "0", "1", "0.1", "-1", "1e9", "nan", "=", "&", ":", ";", ",",
    "%", "+", "?", "10", "data", "model", "modular", "pair-mlp", "p", "filter", "grokfast-ma", "window",
    "fraction", "precision", "operation", "divide",
])  # fmt: skip
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
ENTRIES = st.fixed_dictionaries({
    "step": st.just(1) | PLAIN, "arm": st.just(0) | PLAIN,
}, optional={"replica": st.none() | PLAIN, "knob": WORDS | PLAIN, "value": PLAIN,
             "from_start": st.booleans() | PLAIN, "branch": PLAIN})  # fmt: skip


@QUICK
@given(st.lists(WORDS, max_size=12).map("".join) | st.text())
@example("change=1:0:*:lr=0.1&change=none")
@example("changes=1&change=1:0:*:lr=0.1")
def test_no_address_does_harm(query):
    try:
        recipe = from_url(query)
    except BadInput as error:
        assert len(str(error)) < 400
    else:
        assert from_url(to_url(recipe)) == recipe


@QUICK
@given(
    st.text()
    | PLAIN.map(json.dumps)
    | st.dictionaries(WORDS, PLAIN).map(lambda fields: json.dumps({"edgewise": 1} | fields))
    | st.lists(ENTRIES).map(lambda log: json.dumps({"edgewise": 1, "changes": log}))
)
def test_no_json_does_harm(text):
    try:
        recipe = from_json(text)
    except BadInput as error:
        assert len(str(error)) < 400
    else:
        assert from_json(to_json(recipe)) == recipe


@QUICK
@given(st.data())
def test_no_cut_or_twist_does_harm(data):
    query = (
        to_url(data.draw(st.sampled_from(PRESETS))) + "&change=120:0:*:lr=0.1&branch=9:1:here:none"
    )
    i = data.draw(st.integers(0, len(query) - 1))
    twist = data.draw(st.sampled_from([query[:i], query[:i] + data.draw(WORDS) + query[i + 1 :]]))
    try:
        recipe = from_url(twist)
    except BadInput:
        return
    assert from_url(to_url(recipe)) == recipe
