"""Judge pages: by axe-core, by an HTML parser, by what sticks out of the window.

Run it as `python -m tests.e2e.accessibility [--language de] [--dark] [--width 390] [--only NAME]`
to judge every page of tests/e2e/screenshots.py on the demo network. Unfold's own faults that no
template of ours can mend are in KNOWN."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass

import html5lib
from axe_playwright_python.sync_playwright import Axe
from html5lib.constants import E as MESSAGES
from playwright.sync_api import Page

from tests.e2e.screenshots import demo, logged_in, pages

axe = Axe()
RULES = {"resultTypes": ["violations"]}
# Elements that stick out of the window, unless something around them scrolls or hides it.
STICKING_OUT = """() => {
  const wide = document.documentElement.clientWidth;
  const clips = (node) => {
    for (let up = node.parentElement; up && up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== "visible") return true;
    return false;
  };
  const found = [];
  for (const node of document.body.querySelectorAll("*")) {
    const box = node.getBoundingClientRect();
    if (box.width && box.height && box.right > wide + 1 && box.left < wide && !clips(node))
      found.push(node.outerHTML.slice(0, 120));
  }
  if (document.documentElement.scrollWidth > wide) found.push("the page scrolls sideways");
  return found.slice(0, 5);
}"""


@dataclass(frozen=True)
class Fault:
    """Something that a page does wrong, and where."""

    rule: str
    where: str


def of_axe(page: Page) -> Iterator[Fault]:
    """What axe-core calls a violation."""
    for violation in axe.run(page, options=RULES).response["violations"]:
        for node in violation["nodes"]:
            yield Fault(violation["id"], node["html"][:300])


def of_width(page: Page) -> Iterator[Fault]:
    """What does not fit into the window."""
    for where in page.evaluate(STICKING_OUT):
        yield Fault("too wide", where)


def of_html(text: str) -> Iterator[Fault]:
    """What the HTML specification calls a parse error."""
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(text)
    lines = text.splitlines()
    for (line, _column), code, values in parser.errors:
        where = lines[line - 1].strip()[:200] if line <= len(lines) else ""
        yield Fault(MESSAGES[code] % values, where)
    for key in re.findall(r'\sid="([^"]+)"', text):
        if len(re.findall(rf'\sid="{re.escape(key)}"', text)) > 1:
            yield Fault("an id twice", key)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--language", default="en-US")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1400)
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    options = parser.parse_args()
    with demo() as url, logged_in(url, options.language, options.dark) as page:
        page.set_viewport_size({"width": options.width, "height": 900})
        for name, address in list(pages(page)):
            if not options.only or name in options.only:
                judge(page, name, address)


def judge(page: Page, name: str, address: str) -> None:
    answer = page.goto(address)
    page.wait_for_load_state("networkidle")
    text = answer.text() if answer else ""
    faults = dict.fromkeys([*of_axe(page), *of_width(page), *of_html(text)])
    print(f"{name}: {len(faults)}", flush=True)
    for fault in faults:
        print(f"    {fault.rule}: {fault.where}", flush=True)


if __name__ == "__main__":
    main()
