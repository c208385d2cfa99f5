// The description belongs to a reservation (or says why there is a quarantine): it opens with the status.
// Without this script the field stays open, and the server explains the rule.
document.addEventListener("DOMContentLoaded", () => {
  const status = document.querySelector("select[name=status]");
  const description = document.querySelector("textarea[name=description]");
  if (!status || !description) {
    return;
  }
  const before = status.value;
  const follow = () => {
    const isNewQuarantine = status.value === "quarantine" && before !== "quarantine";
    description.readOnly = status.value !== "reserved" && !isNewQuarantine;
    description.classList.toggle("ipm-closed", description.readOnly);
  };
  status.addEventListener("change", follow);
  follow();
});
