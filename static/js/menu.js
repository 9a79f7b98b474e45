// Menus are <details data-menu>: one is open at a time, and Escape or a click elsewhere closes it.
const openMenus = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") {
    return;
  }
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.preventDefault();
  }
});

document.addEventListener("focusin", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }
});

// A menu in a list's last rows opens upwards when there is no room below it.
document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (!menu.matches?.("details.menu[data-menu]")) {
      return;
    }
    menu.classList.remove("menu-up");
    const list = menu.querySelector(".menu-list");
    if (menu.open && list.getBoundingClientRect().bottom > window.innerHeight) {
      menu.classList.add("menu-up");
    }
  },
  true,
);
