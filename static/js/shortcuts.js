// Keyboard shortcuts: "/" for the search field, "j", "k" and "o" for rows, "g" and a letter for a page, "?" for this list.
const SECOND_KEY_MS = 1200;
const COOKIE = "safekeep_shortcuts";
const YEAR_SECONDS = 31_536_000;
const dialog = document.getElementById("shortcuts");
let first = "";
let timer = 0;
let on = !document.cookie.split("; ").includes(`${COOKIE}=off`);

const typing = (element) =>
  element.isContentEditable || element.matches("input:not([type=checkbox], [type=radio]), textarea, select");

function follow(keys) {
  const link = [...document.querySelectorAll("a[data-shortcut]")].find((one) => one.dataset.shortcut === keys);
  link?.click();
}

// j and k: on one item's page the next and the previous item, in a list the next and the previous row.
function step(key) {
  const link = document.querySelector(`a[data-key="${key}"]`);
  if (link !== null) {
    link.click();
    return;
  }
  const rows = [...document.querySelectorAll("a[data-row-link]")];
  const present = rows.findIndex((one) => one.closest("tr").contains(document.activeElement));
  const wanted = key === "j" ? present + 1 : Math.max(present - 1, 0);
  rows[Math.min(wanted, rows.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) {
    return;
  }
  if (!on || dialog?.open) {
    return;
  }
  if (first !== "") {
    clearTimeout(timer);
    follow(`${first} ${event.key}`);
    first = "";
  } else if (event.key === "/") {
    const field = document.querySelector('main input[type="search"]');
    if (field !== null) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  } else if (event.key === "?" && dialog !== null) {
    dialog.showModal();
  } else if (event.key === "j" || event.key === "k") {
    step(event.key);
  } else if (event.key === "o") {
    document.activeElement?.closest?.("tr")?.querySelector("a[data-row-link]")?.click();
  } else if (event.key === "g") {
    first = "g";
    timer = setTimeout(() => {
      first = "";
    }, SECOND_KEY_MS);
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-shortcuts-open]")) {
    dialog?.showModal();
  } else if (event.target === dialog) {
    dialog.close();
  }
});

// Single keys can get in the way of speech input: they can be turned off, for this browser.
const choice = document.querySelector("[data-shortcuts-on]");
if (choice !== null) {
  choice.checked = on;
  choice.addEventListener("change", () => {
    on = choice.checked;
    const age = on ? 0 : YEAR_SECONDS;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${COOKIE}=off; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
  });
}
