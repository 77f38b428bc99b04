// What is signed, computed here out of the bytes that are shown; and the browser asked for it.
"use strict";

const TAGS = { grant: "consentry/authorization/v1\0", reconfirm: "consentry/reconfirmation/v1\0" };

export const utf8 = (text) => new TextEncoder().encode(text);
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
export const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
export const base64 = (buffer) => btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""));
const fromBase64url = (text) => fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));

/** SHA-256(tag || SHA-256(document)); of a re-confirmation the suspension's hash stands before the document's. */
export async function challengeOf(opened, bytes) {
  const head = opened.act === "reconfirm" ? fromHex(opened.head) : [];
  return sha256(Uint8Array.of(...utf8(TAGS[opened.act]), ...head, ...(await sha256(bytes))));
}

/** Sign `challenge`, which this page computed; refuses when the server asked for another one. */
export async function signWith(options, challenge) {
  if (hex(fromBase64url(options.challenge)) !== hex(challenge)) throw new Error("CHALLENGE");
  const publicKey = { ...options, challenge, allowCredentials: decoded(options.allowCredentials) };
  const { rawId, response } = await navigator.credentials.get({ publicKey });
  return {
    credential: base64(rawId),
    client_data: base64(response.clientDataJSON),
    authenticator_data: base64(response.authenticatorData),
    signature: base64(response.signature),
  };
}

/** Make a passkey. */
export async function makeKey(options) {
  const publicKey = {
    ...options,
    challenge: fromBase64url(options.challenge),
    user: { ...options.user, id: fromBase64url(options.user.id) },
    excludeCredentials: decoded(options.excludeCredentials),
  };
  const { rawId, response } = await navigator.credentials.create({ publicKey });
  return {
    credential: base64(rawId),
    client_data: base64(response.clientDataJSON),
    attestation: base64(response.attestationObject),
  };
}

const decoded = (list) => (list || []).map((one) => ({ ...one, id: fromBase64url(one.id) }));
