// Passkeys: let a key of this person sign a hash. assertFor(hash) is what every page uses that asks for a signature;
// a form with data-assert="HASH" and a hidden input "assertion" needs no script of its own.

const SIGN_MS = 120_000; // a person may take so long to find the key
const ENROLL = "hedgeapp:passkey:enroll:"; // hedgeapp/core/passkeys.py: enrolment_hash

export function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

export function textOf(buffer) {
  const plain = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function asking() {
  const { rpId, origin, credentialIds } = document.querySelector("[data-passkeys]").dataset;
  return { rpId, origin, ids: credentialIds.split(" ").filter(Boolean) };
}

const named = (id) => ({ type: "public-key", id: bytesOf(id) });

// A refusal in a sentence; the browser's own words help nobody.
function because(error) {
  const { origin } = asking();
  if (!window.PublicKeyCredential) return "This browser has no passkeys: use another one.";
  if (location.origin !== origin) return `Passkeys work at ${origin} only, and this page is at ${location.origin}: open it there.`;
  if (error.name === "NotAllowedError") return "Nothing was signed: it was canceled, took too long, or no key of yours is on this device. Try again.";
  if (error.name === "InvalidStateError") return "This device has a key of yours already: use another one.";
  return error.message;
}

async function signed(hash, ids) {
  const { rpId } = asking();
  const credential = await navigator.credentials.get({
    publicKey: { challenge: bytesOf(hash), rpId, allowCredentials: ids.map(named), userVerification: "required", timeout: SIGN_MS },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return JSON.stringify({
    id: credential.id,
    rawId: credential.id,
    type: credential.type,
    response: {
      clientDataJSON: textOf(clientDataJSON),
      authenticatorData: textOf(authenticatorData),
      signature: textOf(signature),
      userHandle: userHandle && textOf(userHandle),
    },
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: {},
  });
}

/** Return the assertion of one of this person's passkeys over a hash (base64url), as JSON; throw a sentence. */
export async function assertFor(hash) {
  const { ids } = asking();
  if (!ids.length) throw new Error("You have no passkey in force: enroll one on the page Your keys.");
  try {
    return await signed(hash, ids);
  } catch (error) {
    throw new Error(because(error));
  }
}

async function enrolmentHash(userId, credentialId, publicKey) {
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, credentialId.byteLength);
  const parts = [new TextEncoder().encode(ENROLL), userId, length.buffer, credentialId, publicKey];
  return textOf(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
}

async function enrolled(offered) {
  const userId = bytesOf(offered.user.id);
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: bytesOf(offered.challenge),
      rp: offered.rp,
      user: { id: userId, name: offered.user.name, displayName: offered.user.name },
      pubKeyCredParams: offered.algorithms.map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: offered.known.map(named),
      authenticatorSelection: { userVerification: "required", residentKey: "preferred" },
      attestation: "none",
      timeout: SIGN_MS,
    },
  });
  const publicKey = credential.response.getPublicKey();
  const registration = JSON.stringify({
    id: credential.id,
    rawId: credential.id,
    type: credential.type,
    response: {
      clientDataJSON: textOf(credential.response.clientDataJSON),
      authenticatorData: textOf(credential.response.getAuthenticatorData()),
      publicKey: textOf(publicKey),
    },
  });
  const proof = await signed(await enrolmentHash(userId, credential.rawId, publicKey), [credential.id]);
  return { registration, proof };
}

async function offer(url, token) {
  const answer = await fetch(url, { method: "POST", headers: { "X-CSRFToken": token }, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error("The server did not begin the enrolment: load the page again.");
  return answer.json();
}

async function fill(form) {
  if (form.dataset.assert) {
    form.elements.assertion.value = await assertFor(form.dataset.assert);
    return;
  }
  const offered = await offer(form.dataset.enroll, form.elements.csrfmiddlewaretoken.value);
  try {
    const { registration, proof } = await enrolled(offered);
    form.elements.registration.value = registration;
    form.elements.proof.value = proof;
  } catch (error) {
    throw new Error(because(error));
  }
}

function say(words) {
  const place = document.querySelector("[data-passkey-said]");
  place.textContent = words;
  place.hidden = !words;
  if (words) place.scrollIntoView({ block: "nearest" });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-assert], [data-enroll]")) return;
  event.preventDefault();
  if (form.dataset.signing) return;
  form.dataset.signing = "yes";
  const button = form.querySelector("button");
  button.setAttribute("aria-disabled", "true");
  say("");
  try {
    await fill(form);
    form.submit();
  } catch (error) {
    say(error.message);
    button.removeAttribute("aria-disabled");
  } finally {
    delete form.dataset.signing;
  }
});
