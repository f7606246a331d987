"""`llmtrack report --html`."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from llmtrack import Outcome

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
HOSTILE = "<script>alert('&\"')</script>"


@pytest.fixture
def page(command, as_ledger, record, failed, tmp_path):
    """Make a page of calls of three days, one of which has a hostile name."""
    path = as_ledger(
        *(record(n, minutes=29 * n, duration=1 + n % 7) for n in range(150)),
        *(failed(n, minutes=29 * n) for n in range(150, 160)),
        record(160, name=HOSTILE, request_model=HOSTILE, duration=99.0),
        record(161, outcome=Outcome.ABANDONED),
    )

    done = command("report", path, "--html", "page.html", cwd=tmp_path)

    assert 0 == done.returncode, done.stderr
    return tmp_path / "page.html"


def test_the_page_needs_nothing_else(page):
    """
    The page loads nothing, runs nothing, and forbids the browser to.
    """
    html = page.read_text(encoding="utf-8")

    assert not re.search(r"(?:src|href)\s*=|url\(|@import|<script|<link", html)
    assert "default-src 'none'" in html


def test_names_are_text(page):
    """
    What a program called its calls is never markup.
    """
    html = page.read_text(encoding="utf-8")

    assert "&lt;script&gt;alert" in html
    assert HOSTILE not in html


def test_there_are_all_plots(page):
    """
    Four plots, the groups and the slowest calls are on the page.
    """
    html = page.read_text(encoding="utf-8")

    assert re.findall("<h2>(.*?)</h2>", html) == [
        "Time to first token over time",
        "Distribution of time to first token",
        "Cost by day",
        "Outcomes over time",
        "By provider and model",
        "Errors by kind",
        "Slowest calls",
    ]
    assert 4 == html.count("<svg")


def test_a_call_alone_makes_a_page(command, as_lines, failed, tmp_path):
    """
    One call, without a first token or a price, is enough for a page.
    """
    done = command("report", as_lines(failed()), "--html", "page.html", cwd=tmp_path)

    assert 0 == done.returncode, done.stderr
    assert "No call has a price" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_day_alone_is_named_once(command, as_lines, record, tmp_path):
    """
    One day is one narrow bar, with its name below.
    """
    command("report", as_lines(record()), "--html", "page.html", cwd=tmp_path)

    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    [width] = re.findall(r'class="cost" x="[\d.]+" y="[\d.]+" width="([\d.]+)"', html)
    assert 1 == html.count(">2026-01-02</text>")
    assert float(width) < 120


def test_the_page_has_all_calls_together(page):
    """
    Below the groups there is a row of all of them, and each kind of error is told.
    """
    html = page.read_text(encoding="utf-8")

    assert '<td>all</td><td class="n">162</td>' in html
    assert '<td>rate_limit</td><td class="n">10</td>' in html


def test_the_histogram_says_what_is_beyond_its_end(command, as_lines, record, tmp_path):
    """
    The last bar has no end of its own, so the page tells the largest value.
    """
    path = as_lines(
        *(record(n) for n in range(200)), record(200, time_to_first_token=1.75)
    )

    command("report", path, "--html", "page.html", cwd=tmp_path)

    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The last bar: 1 above 0.510s, up to 1.750s." in html


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to look with")
def test_a_browser_draws_it(page, tmp_path):
    """
    A real browser draws the plots inside the window, at the width of a desktop
    and of a phone, and reports no error.
    """
    for width in (1320, 420):
        done = subprocess.run(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"),
                f"--user-data-dir={tmp_path / 'profile'}",
                *("--enable-logging=stderr", f"--window-size={width},1000"),
                f"--screenshot={tmp_path / f'{width}.png'}",
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

        assert "CONSOLE" not in done.stderr
        assert (tmp_path / f"{width}.png").stat().st_size > 20_000
