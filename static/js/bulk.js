// <form data-bulk>: the bar appears when a row is selected; shift-click selects a range.
const boxesOf = (form) => [...form.querySelectorAll('input[name="ids"]')];
let last = null;

function show(form) {
  const boxes = boxesOf(form);
  const count = boxes.filter((box) => box.checked).length;
  const bar = form.querySelector("[data-bulk-bar]");
  for (const all of form.querySelectorAll("[data-bulk-all]")) {
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  }
  if (bar !== null) {
    bar.hidden = count === 0;
    for (const place of bar.querySelectorAll("[data-bulk-count]")) {
      place.textContent = String(count);
    }
  }
}

function selectRange(form, from, to) {
  const boxes = boxesOf(form);
  const [start, end] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
  if (start < 0) {
    return;
  }
  for (const box of boxes.slice(start, end + 1)) {
    box.checked = to.checked;
  }
}

document.addEventListener("click", (event) => {
  const box = event.target;
  const form = box.form;
  if (!form?.matches?.("[data-bulk]") || !box.matches('input[name="ids"]')) {
    return;
  }
  if (event.shiftKey && last !== null && last !== box) {
    selectRange(form, last, box);
  }
  last = box;
  show(form);
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (!form?.matches("[data-bulk]")) {
    return;
  }
  if (event.target.matches("[data-bulk-all]")) {
    for (const box of boxesOf(form)) {
      box.checked = event.target.checked;
    }
  }
  show(form);
});

document.addEventListener("click", (event) => {
  const clear = event.target.closest?.("[data-bulk-clear]");
  if (clear) {
    for (const box of boxesOf(clear.form)) {
      box.checked = false;
    }
    show(clear.form);
  }
});

// Who was selected is remembered while the confirm page is open, so that "Cancel" leads back to the same selection.
const KEPT = "safekeep-selection";

document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-bulk]")) {
    const chosen = boxesOf(event.target).filter((box) => box.checked);
    sessionStorage.setItem(KEPT, JSON.stringify(chosen.map((box) => box.value)));
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-bulk-back]")) {
    sessionStorage.setItem(`${KEPT}-back`, "yes");
  }
});

function selectAgain(form) {
  if (sessionStorage.getItem(`${KEPT}-back`) !== "yes") {
    return;
  }
  const chosen = new Set(JSON.parse(sessionStorage.getItem(KEPT) ?? "[]"));
  for (const box of boxesOf(form)) {
    box.checked = chosen.has(box.value);
  }
  sessionStorage.removeItem(KEPT);
  sessionStorage.removeItem(`${KEPT}-back`);
}

function showAll() {
  last = null;
  for (const form of document.querySelectorAll("form[data-bulk]")) {
    selectAgain(form);
    show(form);
  }
}

document.addEventListener("safekeep:replaced", showAll);
window.addEventListener("pageshow", showAll);
showAll();
