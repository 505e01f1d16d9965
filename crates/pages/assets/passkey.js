// A person's passkey, asked for by the browser. WebAuthn speaks in bytes, and the API in base64url.

const FEATURE = "publickey-credentials-get";

export const isKnown = "PublicKeyCredential" in window;

// Whether the page around a frame keeps passkeys from it. Only some browsers tell; with the others it shows when one is asked for.
export function isForbidden() {
  const policy = document.featurePolicy;
  return Boolean(policy?.features().includes(FEATURE)) && !policy.allowsFeature(FEATURE);
}

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

// What a session is begun with; null where the person or the browser used none.
export async function use(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: (options.allowCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) })),
  };
  const credential = await navigator.credentials.get({ publicKey }).catch(() => null);
  if (!credential) return null;
  const { response } = credential;
  return {
    challenge: options.challenge,
    credential: {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response: {
        clientDataJSON: text(response.clientDataJSON),
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        userHandle: response.userHandle ? text(response.userHandle) : null,
      },
    },
  };
}
