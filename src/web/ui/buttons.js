// Without this file its buttons stay hidden, and a text is selected by hand.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.onclick = async () => {
    const text = document.getElementById(button.dataset.copy);
    getSelection().selectAllChildren(text);
    await navigator.clipboard.writeText(text.textContent.trim());
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
