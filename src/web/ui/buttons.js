// Without this file its buttons stay hidden, and a text is copied by hand.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.onclick = async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.firstChild.data = "Copied";
  };
}
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const button of document.querySelectorAll("[data-zone]")) {
  const select = button.form.elements.zone;
  const own = [...select.options].find((option) => option.value === zone);
  if (!own || own.selected) continue;
  button.hidden = false;
  button.onclick = () => {
    select.value = zone;
    select.focus();
  };
}
