// What pages can do better with JavaScript. Everything here is extra: without it the
// same buttons are plain forms. Listeners sit on the document, so that parts of a page
// which arrive later need no wiring.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  const live = document.createElement("div");
  live.className = "visually-hidden";
  live.setAttribute("role", "status");
  document.body.append(live);

  // Theme: change at once, tell the server in the background; the cookie keeps it.
  const setTheme = (button) => {
    const form = button.form;
    if (button.value === "system") delete root.dataset.theme;
    else root.dataset.theme = button.value;
    for (const b of form.querySelectorAll("[name=theme]")) b.setAttribute("aria-pressed", String(b === button));
    const body = new URLSearchParams(new FormData(form));
    body.set("theme", button.value);
    fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => {});
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling); // to be copied by hand
      return;
    }
    button.classList.add("copied");
    live.textContent = button.dataset.done;
    setTimeout(() => {
      button.classList.remove("copied");
      live.textContent = "";
    }, 1800);
  };

  const reveal = (button) => {
    const input = document.getElementById(button.dataset.reveal);
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    button.setAttribute("aria-pressed", String(show));
    input.focus();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy !== undefined) copy(button);
    else if (button.dataset.reveal) reveal(button);
    else if (button.name === "theme" && button.form?.dataset.themes !== undefined) {
      event.preventDefault();
      setTheme(button);
    }
  });

  // A form is sent once. The button stays enabled: a disabled one would not be sent along.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog") return;
    if (form.dataset.sent !== undefined) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "";
    for (const input of form.querySelectorAll("[data-reveal][aria-pressed=true]")) reveal(input); // so that password managers see a password
    event.submitter?.setAttribute("aria-busy", "true");
  });
  const unlock = (form) => {
    delete form.dataset.sent;
    for (const b of form.querySelectorAll("[aria-busy]")) b.removeAttribute("aria-busy");
  };
  // Back from the browser's memory, or answered by htmx: the form may be sent again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-sent]").forEach(unlock);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form");
    if (form) unlock(form);
  });

  // After a mistake the reader starts at the list of mistakes, or at the first wrong field.
  const focusError = (within) => {
    const wrong = within.querySelector("[data-errors], [aria-invalid=true]");
    if (wrong) wrong.focus();
  };
  focusError(document);
  document.addEventListener("htmx:afterSettle", (event) => focusError(event.target));
})();
