// Warns a minute before the session ends. A form that is half filled in stays: after signing in again, in another tab,
// the page goes on with a new form token. Asking the server how long is left does not prolong the session.
const WARN_SECONDS = 60;
const dialog = document.getElementById("session-end");
const part = (name) => dialog.querySelector(`[data-session-${name}]`);
let timer = 0;
let dismissed = false;

function plural(seconds) {
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}

function show({ title, text, stay = false, again = false }) {
  part("title").textContent = title;
  part("text").textContent = text;
  part("stay").hidden = !stay;
  part("again").hidden = !again;
  part("back").hidden = !again;
  if (!dialog.open && !dismissed) {
    dialog.showModal();
  }
}

async function ask(method = "GET") {
  const headers = { Accept: "application/json" };
  if (method === "POST") {
    headers["X-CSRFToken"] = dialog.querySelector('input[name="csrf_token"]').value;
  }
  try {
    const answer = await fetch(dialog.dataset.sessionUrl, { method, headers, redirect: "manual" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return undefined; // no connection: nothing is known
  }
}

function plan(seconds) {
  clearTimeout(timer);
  timer = setTimeout(check, Math.max(1, Math.min(seconds - WARN_SECONDS, 86_400)) * 1000);
}

function ended() {
  dismissed = false;
  show({
    title: "You were signed out",
    text: "What you typed is still on this page. Sign in in a new tab, then come back here and go on.",
    again: true,
  });
}

function warn(seconds, atLimit) {
  clearTimeout(timer);
  if (seconds <= 0) {
    ended();
    return;
  }
  const limit = "Your session reaches its limit and cannot be prolonged. Save what you are doing, or sign in again then.";
  const idle = "You did nothing here for a while.";
  show({
    title: `You will be signed out in ${plural(seconds)}`,
    text: atLimit ? limit : idle,
    stay: !atLimit,
  });
  timer = setTimeout(() => warn(seconds - 1, atLimit), 1000);
}

async function check() {
  dismissed = false;
  const left = await ask();
  if (left === undefined) {
    plan(WARN_SECONDS + 10);
  } else if (left === null) {
    ended();
  } else if (left.seconds_left > WARN_SECONDS) {
    plan(left.seconds_left); // another tab was busy meanwhile
  } else {
    warn(left.seconds_left, left.at_limit);
  }
}

async function goOn(method) {
  const left = await ask(method);
  if (!left) {
    ended();
    return;
  }
  for (const field of document.querySelectorAll('input[name="csrf_token"]')) {
    field.value = left.form_token;
  }
  dialog.close();
  plan(left.seconds_left);
}

if (dialog !== null && Number(dialog.dataset.secondsLeft) > 0) {
  part("stay").addEventListener("click", () => goOn("POST"));
  part("back").addEventListener("click", () => goOn("GET"));
  part("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dismissed = true;
  });
  plan(Number(dialog.dataset.secondsLeft));
}
