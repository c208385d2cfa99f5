// Keys of the shell: ? shows them, g and a letter goes to a place, n e u j k act on the page,
// Ctrl+S saves. And a form that was refused begins at its first faulty field.
"use strict";

// What the libraries of the admin leave without a name, or give one that says nothing.
function nameAll() {
  for (const box of document.querySelectorAll(".simplebar-content-wrapper[role=region]")) {
    box.removeAttribute("role");
    box.removeAttribute("aria-label");
  }
  for (const box of document.querySelectorAll(".select2-selection[role=combobox]:not([data-named])")) {
    const field = box.closest(".select2")?.previousElementSibling;
    const label = field && (field.labels?.[0]?.textContent || field.getAttribute("aria-label"));
    if (label) box.setAttribute("aria-label", label.trim());
    box.dataset.named = "";
    const text = box.querySelector("[role=textbox]");
    text?.removeAttribute("role");
    text?.removeAttribute("aria-readonly");
  }
  for (const head of document.querySelectorAll(".formset-wrapper thead th:not([role])")) {
    if (!head.textContent.trim()) head.setAttribute("role", "cell");
  }
  for (const tip of document.querySelectorAll("span.help-tooltip[aria-label]")) tip.setAttribute("role", "img");
}

window.addEventListener("load", () => {
  nameAll();
  if (document.querySelector("form select, [data-simplebar]")) {
    new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
  }
});

document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("keys");
  const places = { h: "home", n: "networks", m: "machines", d: "dhcp", b: "boot", s: "services" };
  const OFF = "ipmanager-no-letters";
  let waiting = 0; // until when a letter after g is a place

  // --- the first faulty field --------------------------------------------------

  const fault = document.querySelector(".errornote .fault-link");
  if (fault) document.getElementById(fault.hash.slice(1))?.focus();

  for (const opener of document.querySelectorAll("[data-find-open]")) {
    opener.addEventListener("click", (event) => {
      event.preventDefault();
      window.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true }));
    });
  }
  if (!dialog) return;

  // --- what the letters do -----------------------------------------------------

  const first = (selector) => document.querySelector(selector);
  const rows = () => [...document.querySelectorAll("#result_list tbody tr, .net-table tbody tr, .net-list tbody tr")].filter((row) => row.querySelector("a") && row.offsetParent);

  function step(by) {
    const all = rows();
    const here = all.indexOf(document.activeElement?.closest("tr"));
    const row = all[here < 0 ? (by > 0 ? 0 : all.length - 1) : here + by];
    (row?.querySelector("th a[href]") || row?.querySelector("a[href]"))?.focus();
  }

  const letters = {
    "?": () => dialog.showModal(),
    g: () => (waiting = Date.now() + 1500),
    n: () => first("a.addlink, .net-main[href$='/add/'], a[href$='/add/']")?.click(),
    e: () => first(".net-tabs a[href$='/change/'], .net-head a[href$='/change/']")?.click(),
    u: () => (first("a[href*='/undo/']") ? first("a[href*='/undo/']").click() : window.location.assign(dialog.dataset.changes)),
    j: () => step(1),
    k: () => step(-1),
  };

  function save(event) {
    const button = first("#submit-row [name=_save], #submit-row [type=submit], [name=_save]");
    if (!button) return;
    event.preventDefault();
    button.click();
  }

  // --- keys ----------------------------------------------------------------------

  dialog.querySelector(".keys-close").addEventListener("click", () => dialog.close());
  const off = document.getElementById("keys-off");
  try {
    off.checked = localStorage.getItem(OFF) === "1";
    off.addEventListener("change", () => localStorage.setItem(OFF, off.checked ? "1" : "0"));
  } catch {
    // without storage the choice lasts as long as the page
  }

  window.addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key.toLowerCase() === "s") return save(event);
    const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]");
    if (typing || control || event.altKey || event.defaultPrevented) return;
    if (off.checked && event.key !== "?") return;
    const place = Date.now() < waiting && places[event.key];
    waiting = 0;
    if (place) return dialog.dataset[place] && window.location.assign(dialog.dataset[place]);
    const act = letters[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
});
