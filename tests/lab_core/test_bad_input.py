"""What a person may write wrong of a part, in an address or on the command line: one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_core import cli
from lab_core.formats import from_url, to_json
from lab_core.knobs import BadInput
from lab_core.lenient import readable_url
from lab_core.recipe import Recipe

MODULAR = "data=modular&model=pair-mlp"
MA = "filter=grokfast-ma"
BAD = {
    f"{MODULAR}&p=0": "p: 0 is outside its domain; give an integer in ",
    f"{MODULAR}&p=7x": "p: '7x' is not a number; give an integer in ",
    f"{MODULAR}&p=1e9": "p: 1e+09 is outside its domain; give an integer in ",
    f"{MODULAR}&p=" + "9" * 400: "recipe: ",
    f"{MODULAR}&p=5.5": "p: 5.5 is outside its domain; give an integer in ",
    f"{MODULAR}&p=7,11": "p: a list of values would change the shapes or the program; give one",
    f"{MODULAR}&fraction=0": "fraction: 0 is outside its domain; give a number in (0, 1)",
    f"{MODULAR}&fraction=1": "fraction: 1 is outside its domain; give a number in (0, 1)",
    f"{MODULAR}&corruption=-1": "corruption: -1 is outside its domain; give a number in [0, 1]",
    f"{MODULAR}&operation=foo": "operation: 'foo' is not known; choose add, subtract, ",
    f"{MODULAR}&activation=tanh": "activation: 'tanh' is not known; choose square, relu",
    f"{MODULAR}&depth=3": "depth: it belongs to model=mlp or model=deep-linear or model=dropout-mlp",
    "data=modular": "model: a multi-layer perceptron cannot read modular arithmetic, whose inputs",
    "model=pair-mlp": "model: a two-layer net on pairs cannot read handwritten digits, whose inputs",
    "filter=foo": "filter: 'foo' is not known; choose none, grokfast, ",
    "filter=grokfast&memory=1": "memory: 1 is outside its domain; give a number in [0, 1)",
    "filter=grokfast&strength=-1": "strength: -1 is outside its domain; give a number in [0, inf)",
    f"{MA}&window=0": "window: 0 is outside its domain; give an integer in [1, 1000]",
    f"{MA}&window=1e9": "window: 1e+09 is outside its domain; give an integer in [1, 1000]",
    f"{MA}&window=2,3": "window: a list of values would change the shapes or the program; give",
    "window=3": "window: it belongs to filter=grokfast-ma; choose that, or leave it out",
    "loss=stablemax&precision=float8": "precision: 'float8' is not known; choose same, float16, ",
    "precision=float16": "precision: it belongs to loss=cross-entropy or loss=stablemax; choose",
    "change=3:0:*:filter=none": "filter: it cannot change while a run goes on; open a new arm",
    f"{MODULAR}&change=3:0:*:p=7": "p: it cannot change while a run goes on; open a new arm",
    f"{MA}&change=3:0:0:window=7": "window: all replicas share it; leave the replica out",
    f"{MODULAR}&loss=stablemax&change=3:0:0:precision=same": "precision: all replicas share it; ",
    f"{MODULAR}&branch=3:0:here:fraction=0.5": "fraction: it changes the start; open the arm from",
    f"{MODULAR}&branch=3:0:start:operation=divide;p=9": "p: 9 is not prime, so not every number",
    f"{MODULAR}&branch=3:0:start:fraction=0.001": "fraction: 0.001 of the pairs leaves no exampl",
    f"{MODULAR}&branch=3:0:start:model=mlp": "model: a multi-layer perceptron cannot read modu",
}
LATE = {  # what the data themselves say, when a run begins
    f"{MODULAR}&operation=divide&p=9": "p: 9 is not prime",
    f"{MODULAR}&fraction=0.001": "fraction: 0.001 of the pairs leaves no example of",
    f"{MODULAR}&fraction=0.99999": "fraction: 0.99999 of the pairs leaves nothing to test on",
}


def a_sentence(text: str) -> bool:
    return len(text) < 300 and text.endswith(".") and "\n" not in text


@pytest.mark.parametrize("query, said", BAD.items(), ids=lambda text: text[:60])
def test_an_address(query: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        from_url(query)
    assert str(error.value).startswith(said) and a_sentence(str(error.value))
    recipe, sentences = readable_url(query)
    assert isinstance(recipe, Recipe) and sentences and all(map(a_sentence, sentences))


@pytest.mark.parametrize("query, said", [*BAD.items(), *LATE.items()], ids=lambda text: text[:60])
def test_the_command_line(
    query: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "recipe.json"
    file.write_text(to_json(Recipe().set({"steps": 1, "probes": ()})))
    settings = [word for piece in query.split("&") for word in ("--set", piece)]
    assert cli.main(["run", str(file), *settings]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(said) and a_sentence(printed.err.rstrip("\n"))
    assert printed.out == ""
