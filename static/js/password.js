// Show and hide a password, and say how long it is while it is typed. Nothing is sent anywhere.
const ENOUGH_CHARACTERS = 12;

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-reveal]");
  if (!button) {
    return;
  }
  const field = document.getElementById(button.dataset.reveal);
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  field.focus();
});

// A shown password is hidden again before the form is sent, so that the browser does not remember it as text.
document.addEventListener("submit", (event) => {
  for (const button of event.target.querySelectorAll('[data-reveal][aria-pressed="true"]')) {
    document.getElementById(button.dataset.reveal).type = "password";
  }
});

function hint(length) {
  if (length === 0) {
    return `At least ${ENOUGH_CHARACTERS} characters`;
  }
  if (length < ENOUGH_CHARACTERS) {
    const missing = ENOUGH_CHARACTERS - length;
    return missing === 1 ? "1 more character" : `${missing} more characters`;
  }
  return "Long enough";
}

for (const meter of document.querySelectorAll("[data-strength]")) {
  const field = document.getElementById(meter.dataset.strength);
  const show = () => {
    const length = [...field.value].length;
    meter.querySelector("progress").value = Math.min(length, ENOUGH_CHARACTERS);
    meter.querySelector("[data-strength-text]").textContent = hint(length);
  };
  field.addEventListener("input", show);
  show();
}
