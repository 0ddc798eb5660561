"""The pages as people use them who do not see them, not their colours, or not with a mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import EDGE, LABS, Server, button, wait_past

NOTEBOOKS = sorted(path.name for path in LABS.glob("*.ipynb"))
PHONE = {"width": 390, "height": 844}
DIALOGS = ("Share", "Download", "Open")
# Where the focus is, and how it looks: its name, and the outline of it or of what stands for it.
FOCUS = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const looks = (n) => { const s = getComputedStyle(n);
    return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1.5 && s.outlineColor; };
  const text = node.labels?.[0]?.textContent || node.textContent || node.title;
  const box = node.getBoundingClientRect();
  node.tabbed = (node.tabbed ?? 0) + 1;
  return { tag: node.tagName, name: (node.ariaLabel || text || "").trim(), again: node.tabbed > 1,
    ring: looks(node) || (node.type === "range" && looks(node.parentElement)),
    group: [...document.querySelectorAll(".ew-lab")].indexOf(node.closest(".ew-lab"))
      + (node.closest("details")?.ariaLabel ?? ""),
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight };
}"""
# What can be pressed and is smaller than 24 by 24 pixels with nothing else within 24.
SMALL = """() => {
  const all = [...document.querySelectorAll(
    ".ew-lab :is(button, select, input, summary), #rendered_cells :is(button, select, input)")]
    .filter((n) => n.checkVisibility({ visibilityProperty: true }) && !n.disabled);
  const target = (n) => ["radio", "checkbox"].includes(n.type) && n.closest("label") || n;
  return all.map((n) => [n, target(n).getBoundingClientRect()])
    .filter(([, { width, height }]) => width < 24 || height < 24)
    .map(([n, { width, height }]) => `${n.ariaLabel ?? n.textContent} ${width} x ${height}`);
}"""


def audit(page: Page) -> None:
    """No finding of axe-core's rules, of whatever impact."""
    violations = Axe().run(page).response["violations"]
    said = [
        f"{v['impact']} {v['id']}: {v['help']}: {[n['html'][:200] for n in v['nodes'][:3]]}"
        for v in violations
    ]
    assert not said, "\n".join(said)


def in_both_themes(page: Page) -> None:
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)  # the plots are drawn anew
        audit(page)


def close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


def fits(page: Page) -> None:
    """It does not scroll sideways, and what can be pressed is large enough."""
    wide = "document.querySelector('#rendered_cells')"
    assert page.evaluate(f"{wide}.scrollWidth <= {wide}.clientWidth"), "it scrolls sideways"
    assert page.evaluate(SMALL) == []


def ready(page: Page, address: str) -> None:
    """Open a page of any kind and wait until it can be used."""
    page.goto(address)
    usable = page.locator(".ew-controls select").first
    expect(usable).to_be_visible()
    expect(page.locator(".ew-plot .main-svg").first).to_be_attached()


def play(page: Page) -> None:
    """Press Play until the lab listens, which one of several arms takes some seconds to do."""
    for _ in range(30):
        button(page, "Play").click()
        page.wait_for_timeout(1000)
        if button(page, "Pause").is_visible():
            return


@pytest.mark.long
def test_the_index_an_error_and_a_lab_pass_the_audit(server: Server, page: Page, open_page) -> None:
    page.goto(server.url)
    in_both_themes(page)
    ready(page, server.lab(EDGE))
    button(page, "Play").click()
    wait_past(page, 100)
    page.keyboard.press("Space")

    button(page, "Training loss: table").click()
    in_both_themes(page)
    close(page)
    page.set_viewport_size(PHONE)
    fits(page)
    audit(page)
    lost = open_page(errors=True)
    lost.goto(f"{server.url}voila/render/nothing.ipynb")
    in_both_themes(lost)


@pytest.mark.long
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_page_passes_the_audit(server: Server, page: Page, notebook: str) -> None:
    ready(page, server.lab(notebook))
    if page.locator(".ew-bar").count():
        play(page)
        page.wait_for_timeout(3000)
        button(page, "Step").click()  # which pauses
        for name in DIALOGS:
            button(page, name).click()
            expect(page.locator("dialog[open]")).to_be_visible()
            audit(page)
            close(page)
    in_both_themes(page)
    for table in page.locator(".ew-panel button[aria-label$=': table']").all():
        table.click()
        audit(page)
        close(page)
    for group in page.locator(".ew-group > summary").all():
        group.click()
    audit(page)
    page.set_viewport_size(PHONE)
    in_both_themes(page)


@pytest.mark.long
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_phone_has_all_of_it(
    server: Server, open_page: Callable[..., Page], notebook: str
) -> None:
    page = open_page(viewport=PHONE, has_touch=True)
    ready(page, server.lab(notebook))
    fits(page)
    page.locator(".ew-panel button[aria-label$=': table']").first.click()
    box = page.locator("dialog[open]").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]


KINDS = [EDGE, "10_double_descent.ipynb", "11_fractal_boundary.ipynb", "14_phase_diagrams.ipynb"]


@pytest.mark.long
@pytest.mark.parametrize("notebook", KINDS)
def test_tab_reaches_every_control_and_shows_where_it_is(server, page: Page, notebook: str) -> None:
    ready(page, server.lab(notebook))
    page.emulate_media(color_scheme="dark")
    every = ":is(button, select, input, summary, a[href], textarea):not(:disabled, [type=radio])"
    shown = page.locator("#rendered_cells :visible")  # Tab stops once in a group of radio buttons
    wanted = shown.and_(page.locator(f"{every}, [role=radiogroup]")).count()
    assert wanted > 20
    seen: list[dict] = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(2 * wanted + 20):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        if found is None or found["again"]:
            break
        seen.append(found)
    assert not [f for f in seen if not f["ring"]], "no ring"
    assert not [f for f in seen if not f["name"]], "no name"
    assert not [f for f in seen if not f["seen"]], "out of sight"
    fields = [f for f in seen if f["tag"] in ("BUTTON", "SELECT", "INPUT", "SUMMARY", "A")]
    assert len(fields) >= wanted, f"{len(fields)} of {wanted}"
    names = [(f["group"], f["name"]) for f in seen if f["tag"] == "INPUT"]
    assert len({*names}) == len(names), "two fields of one name in a group"
    if seen[0]["name"] == "Skip to the run":
        page.get_by_role("link", name="Skip to the run").press("Enter")
        expect(button(page, "Play")).to_be_focused()
    assert (seen[0]["name"] == "Skip to the run") == (notebook == "10_double_descent.ipynb")


@pytest.mark.long
def test_less_motion_is_drawn_four_times_a_second(server: Server, open_page) -> None:
    page = open_page(reduced_motion="reduce")
    ready(page, server.lab(EDGE))
    expect(page.locator(".ew-state")).to_contain_text("step 0")
    button(page, "Play").click()
    wait_past(page, 50)
    drawn = page.evaluate("""() => new Promise((done) => {
      let n = 0;
      const seen = new MutationObserver(() => n++);
      seen.observe(document.querySelector(".ew-marks"), { childList: true });
      setTimeout(() => done(n), 3000);
    })""")
    assert 1 <= drawn <= 14  # of some 60
    moving = """[...document.querySelectorAll(".ew-lab *")].filter((n) =>
      getComputedStyle(n).transitionProperty !== "none"
      && parseFloat(getComputedStyle(n).transitionDuration) > 0).length"""
    assert page.evaluate(moving) == 0


def zooms_by_keyboard(page: Page) -> None:
    """In the dialog of a plot's values, which the focus does not leave, and from which it comes back."""
    opener = button(page, "Sharpness and its threshold: table")
    opener.focus()
    page.keyboard.press("Enter")
    low = page.get_by_label("step from", exact=True)
    low.fill("-5")
    low.press("Tab")
    expect(page.get_by_label("step to", exact=True)).to_be_focused()
    page.keyboard.type("900")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('dialog[open]').contains(document.activeElement)")
    field = page.get_by_label("top eigenvalue from", exact=True)
    field.fill("1e9")
    field.press("Tab")
    expect(page.locator("dialog[open] [role=status]")).to_contain_text("the old one stays")
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(button(page, "Sharpness and its threshold: reset zoom")).to_be_visible()
    ticks = page.locator(".ew-plot .xtick text").all_text_contents()
    assert "800" in ticks


def test_by_keyboard_and_by_ear(server: Server, page: Page) -> None:
    ready(page, server.lab(EDGE))
    expect(page.locator(".ew-state")).to_have_attribute("aria-live", "off")
    said = page.locator(".ew-messages .ew-aloud")
    page.evaluate("""() => {
      globalThis.told = [];
      const node = document.querySelector(".ew-messages .ew-aloud");
      new MutationObserver(() => told.push(node.textContent)).observe(node, { childList: true });
    }""")
    button(page, "Play").click()
    wait_past(page, 100)
    page.keyboard.press("Space")
    expect(said).to_contain_text("Paused at step")
    told = page.evaluate("told")
    assert len(told) == 2 and told[0].startswith("Playing from step"), told
    button(page, "Back").click()
    expect(said).to_contain_text("is shown")
    log = page.get_by_role("log")
    figure = page.locator(".ew-figure")
    assert figure.get_attribute("aria-details") == log.get_attribute("id") is not None
    words = page.get_by_role("region", name="Training loss").get_attribute("aria-describedby")
    expect(page.locator(f"#{words}")).to_contain_text("loss (logarithmic) over step. lr 0.1: 0.")
    zooms_by_keyboard(page)
