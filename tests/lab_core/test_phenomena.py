"""Every claim holds over its seeds, every preset has one, and every judge can say no."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_core.claims import Claim, Verdict, finished
from lab_core.flows import FLOWS
from lab_core.phenomena import PHENOMENA, Phenomenon, time_travel
from lab_core.probes import PROBES
from lab_core.recipe import Recipe
from lab_core.run import Run
from widgets.panels import PLOTS
from widgets.sources import AXES

CLAIMS = [
    # those of one preset together, for they share its run, and tests may be spread over processes
    pytest.param(claims, id=preset, marks=[pytest.mark.long] * long)
    for p in PHENOMENA.values()
    for preset in (*p.presets, *p.figures)
    for long in (False, True)
    if (claims := [c for c in p.claims if c.preset == preset and c.long == long])
]
EOS = PHENOMENA["edge-of-stability"]
SEEDS = (0, 1, 2)


@pytest.mark.parametrize("claims", CLAIMS)
def test_claims_hold_over_their_seeds(claims: list[Claim]) -> None:
    for claim in claims:
        assert len(set(claim.seeds)) >= 3
        verdict = claim.check()
        assert verdict.holds, f"{claim.claim} measured {verdict.measured}, not {verdict.expected}"


@pytest.mark.parametrize("name", PHENOMENA)
def test_every_preset_is_borne_out_by_a_claim_on_its_own_recipe(name: str) -> None:
    phenomenon = PHENOMENA[name]
    papers = {slug for slug, _ in phenomenon.papers}
    assert {c.preset for c in phenomenon.claims} == {*phenomenon.presets, *phenomenon.figures}
    assert all(claim.paper in papers for claim in phenomenon.claims)
    for slug, figure in phenomenon.figures.items():
        claims = [c for c in phenomenon.claims if c.preset == slug]
        assert all(claim.recipes[0] == figure.subject for claim in claims), slug
    for slug, preset in phenomenon.presets.items():
        claims = [c for c in phenomenon.claims if c.preset == slug]
        assert claims, f"preset {slug} has no claim"
        for claim in claims:
            assert claim.recipes[0].set({"seed": preset.recipe.seed}) == preset.recipe


@pytest.mark.parametrize("name", PHENOMENA)
def test_a_preset_unfolds_in_five_to_fifteen_seconds(name: str) -> None:
    for preset in PHENOMENA[name].presets.values():
        assert 5 <= preset.recipe.steps / preset.speed <= 15


@pytest.mark.parametrize("name", PHENOMENA)
def test_the_plots_of_a_preset_are_there_and_measured(name: str) -> None:
    """The fourth plot's probe is switched on where it is chosen; the others' belong to the recipe."""
    phenomenon = PHENOMENA[name]
    for slug in phenomenon.choices:
        assert set(PLOTS[slug].probes) <= set(PROBES)
    for preset in phenomenon.presets.values():
        assert len(set(preset.plots)) == 4 and preset.plots[3] in phenomenon.choices
        measured = {probe for plot in preset.plots[:3] for probe in PLOTS[plot].probes}
        assert measured <= set(dict(preset.recipe.probes)) and preset.x in AXES


def test_every_phenomenon_has_a_notebook_that_says_the_same() -> None:
    paths = {
        p.stem.split("_", 1)[1].replace("_", "-"): p for p in Path("labs").glob("[0-9]*.ipynb")
    }
    assert set(paths) - set(PHENOMENA) == {"test-your-optimizer"}  # which is of all of them
    for name, phenomenon in PHENOMENA.items():
        same(json.loads(paths[name].read_text("utf-8"))["metadata"]["edgewise"], phenomenon)


def same(said: dict, phenomenon: Phenomenon) -> None:
    assert said["title"] == phenomenon.title
    assert said["question"] == phenomenon.question
    assert said["papers"] == [citation for _, citation in phenomenon.papers]
    assert said["minutes"] == phenomenon.minutes


@pytest.mark.parametrize("path", sorted(Path("labs").glob("**/*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    assert "widgets" not in notebook["metadata"]
    for cell in notebook["cells"]:
        assert not cell.get("outputs") and not cell.get("execution_count")


def judged(name: str, preset: str, *recipes: Recipe) -> list[Verdict]:
    """What the judges of a preset's claims say of other runs."""
    runs = [finished(r) for r in recipes]
    return [c.judge(runs) for c in PHENOMENA[name].claims if c.preset == preset]


def test_the_judges_of_the_edge_refuse_a_run_that_never_gets_there() -> None:
    slow = EOS.presets["chebyshev"].recipe.set({"lr": (0.01, 0.02, 0.03), "steps": 1000})
    assert not any(v.holds for v in judged("edge-of-stability", "chebyshev", slow))


def test_the_judge_of_the_edge_refuses_a_loss_that_falls_at_every_step() -> None:
    """Crossing alone is not enough: the record of the crossing runs with their loss made smooth."""
    run = Run(EOS.presets["chebyshev"].recipe.set({"seed": SEEDS, "steps": 2500})).finish()
    loss = run.arms[0].record.columns["train_loss"]
    loss.values.sort(axis=0)
    loss.values[:] = loss.values[::-1].copy()
    (claim,) = [c for c in EOS.claims if c.preset == "chebyshev"]
    assert not claim.judge([run]).holds


@pytest.mark.parametrize("preset", ["heavy-ball", "nesterov", "rmsprop", "adam"])
def test_the_judges_of_levels_refuse_a_level_that_is_off(preset: str) -> None:
    recipe = EOS.presets[preset].recipe.set({"steps": 100, "n": 50})
    assert not any(v.holds for v in judged("edge-of-stability", preset, recipe))


def test_a_momentum_run_judged_by_the_threshold_of_gradient_descent_is_refused() -> None:
    """2/lr is not where heavy ball settles: with beta = 0.5 its level is half as high again."""
    recipe = EOS.presets["heavy-ball"].recipe.set({"n": 50, "steps": 1500})
    run = finished(recipe)
    arm = run.arms[0]
    _, sharpness = arm.record["sharpness"]
    lr = [r.optimizer.lr for r in arm.recipes]
    assert (sharpness[-20:].mean(0) * lr / 2 > 1.3).all()


def test_the_judge_of_the_hump_refuses_squared_error() -> None:
    recipe = EOS.presets["cross-entropy"].recipe.set({"loss": "squared-error", "steps": 1000})
    assert not any(v.holds for v in judged("edge-of-stability", "cross-entropy", recipe))


def test_the_judge_of_the_catapult_refuses_small_steps() -> None:
    recipe = EOS.presets["catapult"].recipe
    assert not judged("edge-of-stability", "catapult", recipe.set({"lr": (0.3, 0.5)}))[0].holds
    wide = recipe.set({"lr": (0.5, 1.5, 2.5), "init_scale": 0.1})
    assert not judged("edge-of-stability", "catapult", wide)[0].holds


def test_the_judge_of_halving_refuses_runs_below_the_edge() -> None:
    recipe = EOS.presets["digits"].recipe.set({"n": 50, "steps": 100})
    assert not any(v.holds for v in judged("edge-of-stability", "digits", recipe))


def test_the_judge_of_warmup_refuses_a_warmup_of_one_step_and_a_small_init() -> None:
    recipe = PHENOMENA["curvature-and-warmup"].presets["warmup"].recipe.set({"steps": 60})
    (warm,) = recipe.changes
    short = recipe.set({"changes": (type(warm)(0, 0, (("schedule", "constant"),), True),)})
    small = recipe.set({"init_scale": 1.0})
    for other in (short, small):
        assert not judged("curvature-and-warmup", "warmup", other)[0].holds


def test_the_judges_of_forks_refuse_forks_that_change_nothing() -> None:
    for preset, step in (("levels", 100), ("spike", 479)):
        recipe = PHENOMENA["time-travel"].presets[preset].recipe
        same = tuple(type(c)(step, 0, ()) for c in recipe.changes)
        short = recipe.set({"changes": same, "steps": step + 300})
        assert not judged("time-travel", preset, short)[0].holds


def test_the_judges_of_ghosts_refuse_runs_below_the_edge_and_above_it() -> None:
    recipe = PHENOMENA["time-travel"].presets["ghosts"].recipe
    for other in ({"lr": 0.03, "steps": 200}, {"lr": 0.45, "steps": 100}):
        run = finished(recipe.set(other))
        assert not time_travel.judge_gradient_flow([run]).holds
        assert not time_travel.judge_central_flow([run]).holds


def test_the_judges_of_ghosts_refuse_each_flow_in_the_other_s_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = PHENOMENA["time-travel"].presets["ghosts"].recipe
    run = finished(recipe.set({"seed": 2, "steps": 1200}))
    judges = (time_travel.judge_gradient_flow, time_travel.judge_central_flow)
    assert all(judge([run]).holds for judge in judges), "a short run will do"
    right, other = time_travel.ghost, dict(zip(FLOWS, reversed(FLOWS), strict=True))
    monkeypatch.setattr(time_travel, "ghost", lambda arm, kind: right(arm, other[kind]))
    assert not any(judge([run]).holds for judge in judges)
