// The entry for `import`: the same file that pages load as /assets/sdk.js, which defines `OpenCredits` on the global object.
import "./opencredits.js";

export const OpenCredits = globalThis.OpenCredits;
export default OpenCredits;
