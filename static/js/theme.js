// The switch in the account menu. The choice is kept in a cookie, so that the server can render the page in it.
const COOKIE = "safekeep_theme";
const YEAR_SECONDS = 31_536_000;
const root = document.documentElement;
const buttons = document.querySelectorAll("[data-theme-choice]");

function show() {
  const current = root.dataset.theme ?? "auto";
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === current));
  }
}

function choose(choice) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (choice === "auto") {
    delete root.dataset.theme;
    document.cookie = `${COOKIE}=; Path=/; Max-Age=0; SameSite=Lax${secure}`;
  } else {
    root.dataset.theme = choice;
    document.cookie = `${COOKIE}=${choice}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax${secure}`;
  }
  show();
}

for (const button of buttons) {
  button.addEventListener("click", () => choose(button.dataset.themeChoice));
}
show();
