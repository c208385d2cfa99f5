// Conveniences of the address map. Everything works without them: a cell is a link, and a range can
// be typed.
(() => {
  "use strict";
  const map = document.getElementById("net-map");
  if (!map) return;
  const cells = [...map.querySelectorAll("a.c, a.b")];
  const told = document.getElementById("net-told");
  const form = document.getElementById("net-range");
  const columns = 16;
  let start = null; // where the marked range begins
  let dragged = false;

  // One stop for the Tab key; arrows move inside.
  const focusOn = (index) => {
    const cell = cells[index];
    if (!cell) return;
    cells.forEach((other) => { other.tabIndex = -1; });
    cell.tabIndex = 0;
    cell.focus();
  };
  cells.forEach((cell, index) => { cell.tabIndex = index ? -1 : 0; });

  const tell = (cell) => { told.textContent = cell ? cell.title : ""; };
  const mark = (from, to) => {
    if (!form) return;
    const [low, high] = from < to ? [from, to] : [to, from];
    cells.forEach((cell, index) => cell.classList.toggle("marked", index >= low && index <= high));
    form.elements.first.value = cells[low].dataset.ip;
    form.elements.last.value = cells[high].dataset.ip;
    told.textContent = `${cells[low].dataset.ip} – ${cells[high].dataset.ip} (${high - low + 1})`;
  };

  const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, PageDown: 4 * columns, PageUp: -4 * columns };
  map.addEventListener("keydown", (event) => {
    const index = cells.indexOf(event.target);
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    let next = index + (STEPS[event.key] || 0);
    if (event.key === "Home") next = index - (index % columns);
    if (event.key === "End") next = index - (index % columns) + columns - 1;
    if (next === index || !cells[next]) return;
    event.preventDefault();
    if (event.shiftKey) {
      if (start === null) start = index;
      focusOn(next);
      mark(start, next);
    } else {
      start = null;
      focusOn(next);
    }
  });

  map.addEventListener("focusin", (event) => tell(event.target.closest("a.c, a.b")));
  map.addEventListener("pointerover", (event) => {
    const cell = event.target.closest("a.c, a.b");
    if (!cell) return;
    if (start !== null && event.buttons === 1) {
      dragged = true;
      mark(start, cells.indexOf(cell));
    } else {
      tell(cell);
    }
  });

  if (!form) return;
  map.addEventListener("dragstart", (event) => event.preventDefault());
  map.addEventListener("pointerdown", (event) => {
    const cell = event.target.closest("a.c");
    if (!cell || event.button !== 0 || event.pointerType === "touch") return;
    dragged = false;
    if (!event.shiftKey) start = cells.indexOf(cell);
  });
  map.addEventListener("click", (event) => {
    const cell = event.target.closest("a.c");
    if (!cell) return;
    if (event.shiftKey && start !== null) mark(start, cells.indexOf(cell));
    if (dragged || event.shiftKey) event.preventDefault();
    dragged = false;
  });

  // A range that the address names is shown, as after it was changed.
  const index = (name) => cells.findIndex((cell) => cell.dataset.ip === form.elements[name].value);
  if (index("first") >= 0 && index("last") >= 0) mark(index("first"), index("last"));
})();
