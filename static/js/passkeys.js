// <button data-passkey="get|create" data-passkey-url="…" data-passkey-answer="field id">: asks the browser for a passkey,
// puts its answer into the field and sends the form. Also <button data-print>.
const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const decode = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (part) => part.charCodeAt(0));

function readable(options) {
  const withId = (item) => ({ ...item, id: decode(item.id) });
  const known = { ...options, challenge: decode(options.challenge) };
  known.allowCredentials = options.allowCredentials?.map(withId);
  known.excludeCredentials = options.excludeCredentials?.map(withId);
  if (options.user) {
    known.user = { ...options.user, id: decode(options.user.id) };
  }
  return known;
}

function written(credential) {
  const { response } = credential;
  const answer = { clientDataJSON: encode(response.clientDataJSON) };
  if (response.attestationObject) {
    answer.attestationObject = encode(response.attestationObject);
    answer.transports = response.getTransports?.() ?? [];
  } else {
    answer.authenticatorData = encode(response.authenticatorData);
    answer.signature = encode(response.signature);
    answer.userHandle = response.userHandle ? encode(response.userHandle) : null;
  }
  const { id, type } = credential;
  return JSON.stringify({ id, type, rawId: encode(credential.rawId), response: answer, clientExtensionResults: {} });
}

const FAILED = "The passkey was not used. Try again, or choose another way.";

async function ask(button) {
  const { form } = button;
  const status = button.parentElement.querySelector("[data-passkey-status]");
  status.textContent = "Waiting for your device …";
  button.disabled = true;
  try {
    const headers = { "X-CSRFToken": form.elements.csrf_token.value, Accept: "application/json" };
    const answer = await fetch(button.dataset.passkeyUrl, { method: "POST", headers });
    if (answer.status === 401 || answer.status === 403 || answer.redirected) {
      location.reload(); // signed out, or it is to be confirmed again who it is: the page itself says so
      return;
    }
    const text = await answer.json();
    if (!answer.ok) {
      status.textContent = text.message ?? FAILED;
      return;
    }
    const publicKey = readable(text);
    const credential = await navigator.credentials[button.dataset.passkey]({ publicKey });
    document.getElementById(button.dataset.passkeyAnswer).value = written(credential);
    status.textContent = "";
    form.submit();
  } catch (error) {
    const twice = error.name === "InvalidStateError" && button.dataset.passkey === "create";
    status.textContent = twice ? "This device has a passkey for your account already." : FAILED;
  } finally {
    button.disabled = false;
  }
}

for (const button of document.querySelectorAll("[data-passkey]")) {
  if (window.PublicKeyCredential) {
    button.addEventListener("click", () => ask(button));
  } else {
    button.disabled = true;
    button.parentElement.querySelector("[data-passkey-status]").textContent =
      "This browser cannot use passkeys here. They need a secure connection and a recent browser.";
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-print]")) {
    window.print();
  }
});
