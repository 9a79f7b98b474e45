// <button data-copy="#id">: copies the text of that element and says so on the button.
const SHOWN_MS = 1800;

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  const label = button.querySelector("[data-copy-label]") ?? button;
  button.dataset.copyText ??= label.textContent;
  try {
    await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
    label.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    label.textContent = "Selected: copy with your keyboard";
  }
  setTimeout(() => {
    label.textContent = button.dataset.copyText;
  }, SHOWN_MS);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (button) {
    copy(button);
  }
});
