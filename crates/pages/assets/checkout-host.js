// The page around the checkout frame. What it says is believed only after the service has confirmed that pages of its origin
// may show the checkout of the key that it names; what it is told goes to that origin only.

const FROM_HOST = "opencredits_init";
const TO_HOST = "opencredits";

let origin = null;

export const isFramed = window.parent !== window;

// Says that the frame listens. Nothing secret is in it: the page around is not known yet.
function ready() {
  window.parent.postMessage({ source: TO_HOST, event: "ready" }, "*");
}

// Calls `greet(init, origin)` for messages of the parent window, until one of them is confirmed.
export function listen(greet) {
  window.addEventListener("message", (event) => {
    const init = event.data;
    if (origin !== null || event.source !== window.parent) return;
    if (init === null || typeof init !== "object" || init.source !== FROM_HOST) return;
    greet(init, event.origin);
  });
  ready();
}

export function confirm(confirmed) {
  origin = confirmed;
}

export function tell(event, fields = {}) {
  if (origin === null) return;
  window.parent.postMessage({ source: TO_HOST, event, ...fields }, origin);
}
