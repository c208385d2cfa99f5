// The palette: Ctrl+K or / opens it, arrows choose, Enter opens, Ctrl+Enter opens beside.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("find");
  if (!dialog) return;
  const input = dialog.querySelector("#find-text");
  const list = dialog.querySelector("#find-hits");
  const count = dialog.querySelector(".find-count");
  const RECENT = `ipmanager-recent-${dialog.dataset.user}`; // another user of this tab sees none
  const MOST_RECENT = 8;
  const PAUSE = 120; // milliseconds between a key and the question
  // The list of addresses has a search box of its own, which takes the key.
  const hasOwnSlash = document.body.classList.contains("site");
  let options = [];
  let chosen = -1;
  let timer = 0;
  let asking = null;

  // --- what is shown ---------------------------------------------------------

  function element(tag, name, text) {
    const made = document.createElement(tag);
    made.className = name;
    if (text) made.textContent = text;
    return made;
  }

  function option(hit) {
    const line = element("div", "find-hit");
    line.id = `find-hit-${options.length}`;
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", "false");
    const mark = element("span", `find-mark find-${hit.mark}`);
    mark.setAttribute("aria-hidden", "true");
    line.append(mark, element("span", "find-title", hit.title), " ", element("span", "find-detail", hit.detail));
    line.hit = hit;
    options.push(line);
    return line;
  }

  function group(found, number) {
    const box = element("div", "find-group");
    box.setAttribute("role", "group");
    const title = element("div", "find-kind", found.title);
    title.id = `find-kind-${number}`;
    if (found.title) box.setAttribute("aria-labelledby", title.id);
    else box.setAttribute("aria-label", dialog.dataset.more);
    box.append(title, ...found.hits.map(option));
    return box;
  }

  function show(groups, note) {
    options = [];
    list.replaceChildren(...groups.map(group));
    list.scrollTop = 0;
    count.textContent = note;
    input.setAttribute("aria-expanded", String(options.length > 0));
    choose(options.length ? 0 : -1);
  }

  function choose(number) {
    options[chosen]?.setAttribute("aria-selected", "false");
    chosen = number;
    const line = options[chosen];
    if (!line) return input.removeAttribute("aria-activedescendant");
    line.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", line.id);
    line.scrollIntoView({ block: "nearest" });
  }

  // --- what was opened last, in this tab --------------------------------------

  function recent() {
    try {
      return JSON.parse(sessionStorage.getItem(RECENT)) || [];
    } catch {
      return [];
    }
  }

  function remember(hit) {
    const others = recent().filter((one) => one.url !== hit.url);
    try {
      sessionStorage.setItem(RECENT, JSON.stringify([hit, ...others].slice(0, MOST_RECENT)));
    } catch {
      // without storage nothing is remembered
    }
  }

  // --- asking -----------------------------------------------------------------

  async function ask() {
    const text = input.value.trim();
    asking?.abort();
    if (!text) return showRecent();
    asking = new AbortController();
    try {
      const answer = await fetch(`${dialog.dataset.url}?${new URLSearchParams({ q: text })}`, {
        signal: asking.signal,
        headers: { Accept: "application/json" },
      });
      if (!answer.ok) throw new Error(String(answer.status));
      showFound(text, await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") show([], dialog.dataset.failed);
    }
  }

  function showRecent() {
    const hits = recent();
    show(hits.length ? [{ title: dialog.dataset.recent, hits }] : [], "");
  }

  function showFound(text, found) {
    if (!found.count) return show([], dialog.dataset.nothing);
    const all = {
      title: "",
      hits: [{ title: `${dialog.dataset.more}: ${text}`, url: `${dialog.dataset.all}?${new URLSearchParams({ q: text })}`, detail: "", mark: "page" }],
    };
    show([...found.groups, all], `${dialog.dataset.count}: ${found.count}`);
  }

  function open(text) {
    if (!dialog.open) dialog.showModal();
    input.value = text;
    input.select();
    if (text) input.setSelectionRange(text.length, text.length);
    ask();
  }

  function follow(line, beside) {
    if (!line) return;
    remember(line.hit);
    if (beside) return window.open(line.hit.url, "_blank", "noopener");
    dialog.close(); // whoever comes back to this page sees the page
    window.location.assign(line.hit.url);
  }

  // --- keys and clicks ----------------------------------------------------------

  const keys = {
    ArrowDown: () => choose(options.length ? (chosen + 1) % options.length : -1),
    ArrowUp: () => choose(options.length ? (chosen + options.length - 1) % options.length : -1),
    Enter: (event) => follow(options[chosen], event.ctrlKey || event.metaKey),
  };

  input.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act || event.isComposing) return;
    event.preventDefault();
    act(event);
  });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
  list.addEventListener("click", (event) => {
    follow(event.target.closest("[role=option]"), event.ctrlKey || event.metaKey);
  });
  list.addEventListener("pointermove", (event) => {
    const number = options.indexOf(event.target.closest("[role=option]"));
    if (number >= 0 && number !== chosen) choose(number);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-find-close]")) dialog.close();
  });

  for (const box of document.querySelectorAll("[data-find-box] input")) {
    box.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      open(box.value);
    });
    box.addEventListener("input", () => {
      open(box.value);
      box.value = "";
    });
  }

  // In the capture phase: Unfold's own key is the same.
  window.addEventListener(
    "keydown",
    (event) => {
      const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
      const control = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
      const alone = !event.ctrlKey && !event.metaKey && !event.altKey;
      const slash = event.key === "/" && alone && !typing && !hasOwnSlash;
      if (!control && !slash) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      open("");
    },
    true,
  );
});
