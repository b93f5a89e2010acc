// Passkeys. A form with data-passkey fetches the question there, lets the browser ask
// the person, and posts the answer in its field "credential" like any other form.
// Parts marked data-passkey-part show only where that can work.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  for (const part of document.querySelectorAll("[data-passkey-part]")) part.hidden = false;
  for (const none of document.querySelectorAll("[data-passkey-none]")) none.hidden = true;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const question = (options) => {
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const list of [options.allowCredentials, options.excludeCredentials]) for (const known of list || []) known.id = bytes(known.id);
    return options;
  };

  const answer = (credential) => {
    const from = credential.response;
    const response = { clientDataJSON: text(from.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) if (from[name]) response[name] = text(from[name]);
    if (from.getTransports) response.transports = from.getTransports();
    return JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
      authenticatorAttachment: credential.authenticatorAttachment || undefined, clientExtensionResults: credential.getClientExtensionResults(),
    });
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const wrong = form.querySelector("[data-passkey-error]");
    const button = form.querySelector("button:not([type=button])");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.getAttribute("aria-busy")) return;
      button.setAttribute("aria-busy", "true");
      wrong.hidden = true;
      try {
        const asked = await fetch(form.dataset.passkey, { headers: { Accept: "application/json" }, cache: "no-store" });
        if (!asked.ok) throw new Error("no question");
        const publicKey = question((await asked.json()).publicKey);
        const create = form.dataset.passkeyDo === "create";
        const credential = create ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey });
        form.elements.credential.value = answer(credential);
        form.submit();
      } catch {
        button.removeAttribute("aria-busy");
        wrong.hidden = false;
      }
    });
  }
})();
