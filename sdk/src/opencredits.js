// The OpenCredits browser SDK: the checkout as an overlay in your page, and the person's key for your app.
// A classic script and a module alike: it has neither imports nor exports, and defines `OpenCredits` on the global object.
(() => {
  "use strict";

  /** `source` of the messages from the frame, and of those to it. */
  const FROM_FRAME = "opencredits";
  const TO_FRAME = "opencredits_init";
  const MODES = ["embedded", "new_tab", "manual"];
  const CALLBACKS = [
    "onCheckoutOpened", "onPurchaseCompleted", "onComplete", "onPurchaseError", "onError", "onLoginCompleted", "onLoggedOut",
    "onCopyUrl", "onOpenUrl", "onAccountDetailsShown", "onAccountDetailsDismissed",
  ];
  const STORED = "opencredits:user_key:";

  // Within the overlay's shadow root, so that neither the page's style nor ours reaches the other. A constructed style sheet
  // needs no permission of the page's Content-Security-Policy.
  const STYLE = `
    dialog { box-sizing: border-box; width: min(420px, 100vw); height: min(620px, 100vh); height: min(620px, 100dvh);
      max-width: none; max-height: none; margin: auto; padding: 0; border: 0; border-radius: 6px; overflow: hidden;
      background: #fff; color: #111; color-scheme: light; outline: 1px solid #767676; }
    dialog::backdrop { background: rgb(0 0 0 / .5); }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
    button { position: absolute; top: 4px; right: 4px; width: 44px; height: 44px; padding: 0; border: 0; border-radius: 6px;
      background: none; color: inherit; font: 24px/1 system-ui, sans-serif; cursor: pointer; }
    button:hover { background: rgb(128 128 128 / .2); }
    button:focus-visible { outline: 2px solid #1a56c4; outline-offset: -2px; }
    @media (prefers-color-scheme: dark) {
      dialog { background: #16181c; color: #f2f2f2; color-scheme: dark; outline-color: #8a8f98; }
      button:focus-visible { outline-color: #8ab4ff; }
    }
    @media (max-width: 420px), (max-height: 620px) { dialog { border-radius: 0; outline: 0; } }
    @media (prefers-reduced-motion: no-preference) { button { transition: background-color 120ms; } }`;

  /** Where this script came from, which is the service; unknown when it was bundled or imported. */
  const scriptOrigin = (() => {
    const source = globalThis.document?.currentScript?.src;
    return source ? new URL(source).origin : undefined;
  })();

  /** What `init` was given; undefined before. */
  let settings;
  /** The overlay that is shown: `{ host, dialog, frame, focused, hasBought, isComplete }`. */
  let overlay;
  /** Keys by publishable key, for pages whose storage throws or is empty at the next visit. */
  const remembered = new Map();

  const storedName = () => STORED + settings.publishableKey;

  function remember(key) {
    if (typeof key !== "string" || key === "") return;
    remembered.set(settings.publishableKey, key);
    try {
      localStorage.setItem(storedName(), key);
    } catch {
      // Blocked, full or absent: the key lives as long as the page.
    }
  }

  function forget() {
    remembered.delete(settings.publishableKey);
    // A key that the page passed is one that the person has signed out from, too.
    settings.userKey = undefined;
    try {
      localStorage.removeItem(storedName());
    } catch {
      // As above.
    }
  }

  function getUserKey() {
    if (!settings) return null;
    let stored;
    try {
      stored = localStorage.getItem(storedName());
    } catch {
      // As above.
    }
    return stored || remembered.get(settings.publishableKey) || settings.userKey || null;
  }

  /** Calls what the page gave. An exception of the page's own is the page's: it is reported as such and stops nothing here. */
  function tell(name, detail) {
    try {
      settings[name]?.(detail);
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  }

  function complete(detail) {
    if (overlay) overlay.isComplete = true;
    tell("onComplete", detail);
  }

  /** What each event of the frame does. */
  const EVENTS = {
    ready() {
      sendInit();
    },
    checkout_opened(detail) {
      remember(detail.userKey);
      if (settings.checkoutMode === "new_tab" && isWebUrl(detail.checkoutUrl)) {
        window.open(detail.checkoutUrl, "_blank", "noopener");
      }
      tell("onCheckoutOpened", detail);
    },
    purchase_completed(detail) {
      remember(detail.userKey);
      overlay.hasBought = true;
      overlay.bought = detail;
      tell("onPurchaseCompleted", detail);
      if (detail.canClose) complete(detail);
    },
    purchase_error(detail) {
      tell("onPurchaseError", detail);
      tell("onError", detail);
    },
    login_completed(detail) {
      remember(detail.userKey);
      tell("onLoginCompleted", detail);
    },
    logged_out(detail) {
      forget();
      tell("onLoggedOut", detail);
    },
    copy_url(detail) {
      tell("onCopyUrl", detail);
    },
    open_url(detail) {
      tell("onOpenUrl", detail);
    },
    account_details_shown(detail) {
      tell("onAccountDetailsShown", detail);
    },
    account_details_dismissed(detail) {
      const { hasBought, isComplete, bought } = overlay;
      tell("onAccountDetailsDismissed", detail);
      if (!hasBought) return;
      if (!isComplete) complete(bought);
      close();
    },
    // Escape was pressed inside the frame, whose keys the page does not see.
    close_requested() {
      dismiss();
    },
  };

  /** The detail that callbacks get: the message's fields, also in the spelling of JavaScript. */
  function detailOf(message) {
    const { source, event, ...fields } = message;
    const detail = { ...fields };
    for (const [name, value] of Object.entries(fields)) {
      detail[name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())] = value;
    }
    return detail;
  }

  function isWebUrl(url) {
    try {
      return ["https:", "http:"].includes(new URL(url).protocol);
    } catch {
      return false;
    }
  }

  /** Takes a message only from the frame's own window and the service's own origin. */
  function hear(event) {
    if (!overlay || event.source !== overlay.frame.contentWindow || event.origin !== settings.origin) return;
    const message = event.data;
    if (message === null || typeof message !== "object" || message.source !== FROM_FRAME) return;
    if (Object.hasOwn(EVENTS, message.event)) EVENTS[message.event](detailOf(message));
  }

  function sendInit() {
    const message = {
      source: TO_FRAME,
      publishable_key: settings.publishableKey,
      currency: settings.currency,
      checkout_mode: settings.checkoutMode,
      amount: overlay.amount,
      model: overlay.model,
      input_tokens: settings.inputTokens,
      output_tokens: settings.outputTokens,
      user_key: getUserKey() ?? undefined,
    };
    for (const name of Object.keys(message)) if (message[name] === undefined) delete message[name];
    overlay.frame.contentWindow.postMessage(message, settings.origin);
  }

  function init(options) {
    if (!options || typeof options.publishableKey !== "string" || options.publishableKey === "") {
      throw new Error("OpenCredits.init: publishableKey is missing; copy it from the partner portal");
    }
    const base = options.baseUrl ?? scriptOrigin;
    if (!base) throw new Error("OpenCredits.init: baseUrl is missing; name the service, such as https://credits.example");
    let url;
    try {
      url = new URL(base, globalThis.location?.href);
    } catch {
      throw new Error(`OpenCredits.init: baseUrl ${base} is no URL; write it as https://credits.example`);
    }
    const checkoutMode = options.checkoutMode ?? "embedded";
    if (!MODES.includes(checkoutMode)) {
      throw new Error(`OpenCredits.init: checkoutMode ${checkoutMode} is none of ${MODES.join(", ")}`);
    }
    close();
    settings = {
      publishableKey: options.publishableKey,
      origin: url.origin,
      // A service below a path, such as https://example.org/credits.
      base: url.origin + url.pathname.replace(/\/+$/, ""),
      currency: options.currency ?? "usd",
      checkoutMode,
      inputTokens: options.inputTokens,
      outputTokens: options.outputTokens,
      userKey: options.userKey,
    };
    for (const name of CALLBACKS) if (typeof options[name] === "function") settings[name] = options[name];
  }

  function open({ amount, model } = {}) {
    if (!settings) throw new Error("OpenCredits.open: call OpenCredits.init first");
    close();
    const host = document.createElement("div");
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-modal", "true");
    dialog.setAttribute("aria-label", "OpenCredits checkout");
    const frame = document.createElement("iframe");
    frame.title = "OpenCredits checkout";
    frame.allow = "clipboard-write; publickey-credentials-get";
    frame.referrerPolicy = "no-referrer";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "\u00d7";
    button.setAttribute("aria-label", "Close");
    button.addEventListener("click", dismiss);
    // Escape, or the back gesture of a phone.
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      dismiss();
    });
    dialog.append(frame, button);
    root.append(dialog);
    overlay = { host, dialog, frame, focused: document.activeElement, amount, model };
    window.addEventListener("message", hear);
    document.body.append(host);
    frame.src = `${settings.base}/embed/checkout.html?pk=${encodeURIComponent(settings.publishableKey)}`;
    // A modal dialog keeps the focus and makes the rest of the page inert.
    dialog.showModal();
    frame.focus();
  }

  /** Closes because the person asked for it. After a purchase there is nothing left to do for them. */
  function dismiss() {
    const { hasBought, isComplete, bought } = overlay ?? {};
    close();
    if (hasBought && !isComplete) tell("onComplete", bought);
  }

  function close() {
    if (!overlay) return;
    const { host, dialog, focused } = overlay;
    overlay = undefined;
    window.removeEventListener("message", hear);
    dialog.close();
    host.remove();
    focused?.focus?.();
  }

  globalThis.OpenCredits = Object.freeze({ init, open, close, getUserKey });
})();
