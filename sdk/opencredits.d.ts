/** How a person pays: in a tab that the checkout opens, in one that your page opens, or by a link that your app handles. */
export type CheckoutMode = "embedded" | "new_tab" | "manual";

/** Fields that come with an event. Each is there in the spelling of the message (`user_key`), too. */
export interface EventDetail {
  [field: string]: unknown;
}

export interface CheckoutOpened extends EventDetail {
  /** Spends nothing until the payment has arrived. */
  userKey: string;
  checkoutUrl: string;
}

export interface PurchaseCompleted extends EventDetail {
  userKey: string;
  /** In credits. */
  balance: number;
  /** In credits. */
  creditsAdded: number;
  /** Whether the checkout has nothing more to show. */
  canClose: boolean;
}

export interface PurchaseError extends EventDetail {
  message: string;
}

export interface LoginCompleted extends EventDetail {
  userKey: string;
}

export interface UrlEvent extends EventDetail {
  url: string;
}

export interface InitOptions {
  /** `oc_pk_…`: names your app. */
  publishableKey: string;
  /** The service, such as `https://credits.example`. Default: where the script came from. */
  baseUrl?: string;
  /** Default `"usd"`. */
  currency?: string;
  /** Default `"embedded"`. */
  checkoutMode?: CheckoutMode;
  /** The size of a request, for estimates of what an amount buys. Default 2,500. */
  inputTokens?: number;
  /** Default 2,500. */
  outputTokens?: number;
  /** A key that your app has kept. One that this browser has stored is preferred. */
  userKey?: string;
  onCheckoutOpened?(detail: CheckoutOpened): void;
  onPurchaseCompleted?(detail: PurchaseCompleted): void;
  /** The person is done: the purchase is complete, and there is nothing more to show. */
  onComplete?(detail: PurchaseCompleted): void;
  onPurchaseError?(detail: PurchaseError): void;
  onError?(detail: PurchaseError): void;
  onLoginCompleted?(detail: LoginCompleted): void;
  onLoggedOut?(detail: EventDetail): void;
  onCopyUrl?(detail: UrlEvent): void;
  onOpenUrl?(detail: UrlEvent): void;
  onAccountDetailsShown?(detail: EventDetail): void;
  onAccountDetailsDismissed?(detail: EventDetail): void;
}

export interface OpenOptions {
  /** What to buy credits for, in the currency's main unit: 25 is 25 dollars. */
  amount?: number | string;
  /** The model by which the checkout says what an amount buys, such as `openai/gpt-5`. */
  model?: string;
}

export interface OpenCreditsSdk {
  /** Must be called first. Throws when `publishableKey` is missing. */
  init(options: InitOptions): void;
  /** Shows the checkout. Throws before `init`. */
  open(options?: OpenOptions): void;
  /** Takes the checkout away. */
  close(): void;
  /** The person's key for your app, or null. */
  getUserKey(): string | null;
}

export declare const OpenCredits: OpenCreditsSdk;
export default OpenCredits;

declare global {
  interface Window {
    OpenCredits: OpenCreditsSdk;
  }
}
