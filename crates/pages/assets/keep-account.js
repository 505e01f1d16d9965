// The link of a mail about a deletion: a button spends it, because programs that look at mails open links too.

import { during } from "./forms.js";
import { api } from "./session.js";

const step = (name) => document.getElementById(`step-${name}`);

function show(name) {
  for (const one of document.querySelectorAll(".step")) one.hidden = one.id !== `step-${name}`;
  (step(name).querySelector("button, a") ?? step(name)).focus();
}

// The secret is in the fragment, which is sent nowhere; it leaves the address bar at once.
const link = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
if (!link) show("no-link");

step("keep").addEventListener("submit", async (event) => {
  event.preventDefault();
  await during(step("keep"), async () => {
    await api("POST", "/v1/account/deletion/cancel", { link });
    show("kept");
  });
});
