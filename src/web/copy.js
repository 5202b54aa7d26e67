// Puts the text of a button's data-copy on the clipboard. Without this file the text beside it is selected by hand.
addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
});
