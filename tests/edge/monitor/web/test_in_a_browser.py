"""What a person does with the pages, in a real, headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from edge.monitor import Store
from edge.monitor.web import Access
from edge.protocol.messages import StatusMessage
from tests.support.monitor_pages import MINUTE_NS, TOKEN, Line, Site, arrival, head

pytestmark = pytest.mark.system

PAGES = ["", "device?name=oven-3", "drift?line=line+1", "models", "compare?model=cookie", "alerts", "messages"]
SLOW_MS = 60_000
"""Patience with a busy machine; nothing is measured here."""
LIVE_MS = 5000
"""So often a page asks for what is new: ``EVERY_MS`` of live.js."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome-stable")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        reason = "no Chromium; deploy/setup/packages.sh test installs it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        expect.set_options(timeout=SLOW_MS)
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=SLOW_MS
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def visitor(browser: Browser) -> BrowserContext:
    """A person whom the pages keep nothing about; many tests are this one, for a context costs more than a page."""
    return browser.new_context(viewport={"width": 1280, "height": 900})


@pytest.fixture
def open_page(browser: Browser, visitor: BrowserContext) -> Iterator[Callable[..., Page]]:
    """``open_page()``: a page whose console stays empty; fails the test when it does not. With options it is in a
    context of its own: ``open_page(width=390, …)``, ``open_page(own=True)``.
    """
    complaints: list[str] = []
    opened: list[Page | BrowserContext] = []

    def begin(width: int = 1280, height: int = 900, own: bool = False, **options: Any) -> Page:
        context = visitor
        if own or options or (width, height) != (1280, 900):
            context = browser.new_context(viewport={"width": width, "height": height}, **options)
            opened.append(context)
        context.set_default_timeout(SLOW_MS)
        page = context.new_page()
        opened.append(page)
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        return page

    yield begin
    for one in reversed(opened):
        one.close()
    assert complaints == []


@pytest.fixture
def living(line: Line, drift_reference: bytes, tmp_path: Path, serve: Callable[..., Site]) -> tuple[Store, Site]:
    """A store that a test writes to while its pages are open."""
    store = Store(tmp_path / "monitor.db")
    store.add_reference(drift_reference, "cookie", 1)
    store.accept([arrival(StatusMessage(**head("oven-1", 0), state="online"))])
    return store, serve(store.address)


def test_a_person_finds_what_drifts_and_since_when(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    page.goto(site.url)
    page.get_by_role("link", name=re.compile("1 drifting")).click()
    row = page.get_by_role("row", name=re.compile("oven-"))
    expect(row).to_have_count(1)
    expect(row).to_contain_text("brightness")
    row.get_by_role("link", name="oven-3").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("oven-3")
    since = page.get_by_text("Drifts since").locator("time").get_attribute("title")
    assert since is not None
    begun = time.strptime(since, "%Y-%m-%dT%H:%M:%SZ")
    assert 5 * 60 < time.time() - (time.mktime(begun) - time.timezone) < 60 * 60
    expect(page.get_by_role("img", name=re.compile("^brightness Strength .*drifted in 6 of 12"))).to_be_visible()


def test_a_person_reads_the_numbers_behind_a_chart(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    page.goto(site.url + "device?name=oven-3")
    figure = page.locator("figure[data-key='series brightness']")
    expect(figure.get_by_role("table")).to_be_hidden()
    figure.get_by_text("Numbers").click()
    expect(figure.get_by_role("row")).to_have_count(13)
    expect(figure.get_by_role("cell", name="yes")).to_have_count(6)


def test_choosing_filters_at_once(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    page.goto(site.url)
    page.get_by_label("state", exact=True).select_option("offline")
    expect(page.get_by_role("row", name=re.compile("oven-"))).to_have_count(1)
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_role("row", name=re.compile("oven-"))).to_have_count(10)
    page.get_by_role("link", name="device", exact=True).click()
    expect(page.get_by_role("columnheader", name="device")).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("row", name=re.compile("oven-")).first).to_contain_text("oven-1")


def test_the_keyboard_is_enough(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    page.goto(site.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "oven-3":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("oven-3")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_as_wide_as_the_window(open_page: Callable[..., Page], site: Site, path: str) -> None:
    page = open_page()
    page.goto(site.url + path)
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]


def test_a_finger_hits_what_it_aims_at(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(390, 844, has_touch=True, is_mobile=True)
    page.goto(site.url)
    small = page.evaluate(
        "[...document.querySelectorAll('nav a, button, select, input:not([type=hidden]), .cards a')]"
        ".filter(e => e.offsetHeight && e.offsetHeight < 44).map(e => e.outerHTML)"
    )
    assert small == []


@pytest.fixture(scope="module")
def few_site(serve: Callable[..., Site], few: Path) -> Site:
    """What axe takes over each page grows with its elements, what it finds with their kinds."""
    return serve(few)


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(open_page: Callable[..., Page], few_site: Site, path: str) -> None:
    """axe-core's rules of WCAG 2.2 A and AA and its best practices; contrast in the light and in the dark."""
    page = open_page()
    page.goto(few_site.url + path)
    for details in page.locator("details").all()[:2]:
        details.locator("summary").click()
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    page.emulate_media(color_scheme="light")
    assert violations(page, "") == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, "runOnly: ['color-contrast'], ") == []


def violations(page: Page, options: str) -> list[tuple[str, list[str]]]:
    """Each broken rule with the elements that break it. Of rules that hold, axe does not tell each element."""
    kept, found = page.evaluate(
        f"axe.run(document, {{{options}resultTypes: ['violations']}}).then(r => [r.passes.length, r.violations])"
    )
    assert kept
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


def test_the_choice_of_dark_is_kept(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(color_scheme="light")
    page.goto(site.url)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.goto(site.url + "models")
    assert page.evaluate(paper) == dark
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(paper) == light


def test_times_are_in_the_browsers_zone(open_page: Callable[..., Page], site: Site) -> None:
    said = []
    for zone in ("Asia/Tokyo", "America/New_York"):
        page = open_page(timezone_id=zone)
        page.goto(site.url + "device?name=oven-3")
        said.append(page.get_by_text("Drifts since").locator("time").inner_text())
    hours = [time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S")) / 3600 for text in said]
    assert hours[0] - hours[1] in (13, 14)


def test_without_scripts_the_pages_work(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(site.url)
    page.get_by_label("name contains").fill("oven-7")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="oven-7").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("oven-7")


def test_what_is_new_appears_and_nothing_else_moves(
    open_page: Callable[..., Page], living: tuple[Store, Site], line: Line
) -> None:
    store, site = living
    with closing(store):
        page = open_page(390, 500)
        page.clock.install()
        page.goto(site.url)
        search = page.get_by_label("name contains")
        search.fill("half a na")
        page.evaluate("window.scrollTo(0, 200)")
        store.accept([arrival(StatusMessage(**head("oven-2", 0), state="online"))])
        page.clock.fast_forward(LIVE_MS)
        expect(page.get_by_role("link", name="oven-2")).to_be_visible()
        expect(page.get_by_role("status").first).to_have_text("live")
        expect(search).to_be_focused()
        expect(search).to_have_value("half a na")
        assert page.evaluate("scrollY") == 200
        store.accept(line.window("oven-1", 0, time.time_ns() - MINUTE_NS, 3.0))
        page.clock.fast_forward(LIVE_MS)
        expect(page.get_by_role("link", name=re.compile("1 drifting"))).to_be_visible()


def test_an_open_table_stays_open_while_windows_arrive(
    open_page: Callable[..., Page], living: tuple[Store, Site], line: Line
) -> None:
    store, site = living
    begun_ns = time.time_ns() - 9 * MINUTE_NS
    with closing(store):
        store.accept(line.window("oven-1", 0, begun_ns))
        page = open_page(own=True)
        page.clock.install()
        page.goto(site.url + "device?name=oven-1")
        figure = page.locator("figure[data-key='series brightness']")
        figure.get_by_text("Numbers").click()
        expect(figure.get_by_role("row")).to_have_count(2)
        store.accept(line.window("oven-1", 1, begun_ns + MINUTE_NS))
        page.clock.fast_forward(LIVE_MS)
        expect(figure.get_by_role("row")).to_have_count(3)


def test_a_lost_monitor_is_said(browser: Browser, site: Site) -> None:
    with closing(browser.new_context()) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(site.url, timeout=SLOW_MS)
        expect(page.get_by_role("status").first).to_have_text("live")
        context.set_offline(True)
        page.clock.fast_forward(LIVE_MS)
        expect(page.get_by_role("status").first).to_have_text("no connection to the monitor")
        context.set_offline(False)
        page.clock.fast_forward(LIVE_MS)
        expect(page.get_by_role("status").first).to_have_text("live")


def test_logging_in_acknowledging_and_leaving(
    open_page: Callable[..., Page], serve: Callable[..., Site], filled: Path, tmp_path: Path
) -> None:
    (tmp_path / "monitor.db").write_bytes(filled.read_bytes())
    with closing(Store(tmp_path / "monitor.db")) as store:
        site = serve(store.address, Access(token=TOKEN), store)
        page = open_page(own=True)
        page.goto(site.url + "alerts")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Alerts")
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_text("acknowledged by token")).to_be_visible()
        page.get_by_label("for how long").select_option("8h")
        page.get_by_role("button", name="Silence").click()
        expect(page.get_by_text("silent until")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
        page.goto(site.url)
        expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
