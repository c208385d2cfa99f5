// Conveniences of the address list. Everything works without them.
(() => {
  "use strict";
  const form = document.getElementById("filters");
  const search = document.getElementById("q");

  // "/" puts the cursor into the search box, unless somebody is typing.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // A choice made with the pointer applies at once. One made with the keyboard does not: there every
  // arrow key is a change, and the page would leave before the reader has arrived at the right line.
  let pointer = false;
  form.addEventListener("pointerdown", () => { pointer = true; });
  form.addEventListener("keydown", () => { pointer = false; });
  form.addEventListener("change", (event) => {
    if (pointer && event.target.matches("select")) form.requestSubmit();
  });

  // Leave what says nothing out of the URL, so that it can be read and sent to a colleague.
  form.addEventListener("formdata", ({ formData }) => {
    const silent = ([name, value]) => value === "" || (name === "sort" && value === "ip_address");
    for (const [name] of [...formData].filter(silent)) formData.delete(name);
  });
})();
