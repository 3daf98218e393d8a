// Calls of the gateway with the cookie. No token is ever here: the gateway adds it behind the cookie.

const UNREACHABLE = { title: "The gateway does not answer", detail: "The gateway does not answer. Is it running?" };

async function content(response) {
  const text = await response.text();
  if (!(response.headers.get("Content-Type") ?? "").includes("json")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// Return `{status, ok, body, headers, ms}`; `status` is 0 where there was no response at all. Never throws.
// `X-Requested-With` is what a form or a link of another site cannot send.
export async function call(path, { method = "GET", json, headers = {} } = {}) {
  const begun = performance.now();
  const all = { Accept: "application/json", "X-Requested-With": "touchstone", ...headers };
  if (json !== undefined) all["Content-Type"] = "application/json";
  const body = json === undefined ? undefined : JSON.stringify(json);
  const options = { method, headers: all, body, credentials: "same-origin", cache: "no-store" };
  try {
    const response = await fetch(path, options);
    const read = await content(response);
    const ms = performance.now() - begun;
    return { status: response.status, ok: response.ok, body: read, headers: response.headers, ms };
  } catch {
    return { status: 0, ok: false, body: UNREACHABLE, headers: new Headers(), ms: performance.now() - begun };
  }
}

// Return what went wrong as a sentence: of the problem document (RFC 9457), where there is one.
export function sentence({ status, body, headers }) {
  const { title, detail } = typeof body === "object" && body !== null ? body : {};
  const seconds = Number(headers.get("Retry-After"));
  const text = (detail ?? title ?? `The answer has the status ${status}.`).trim();
  const ended = /[.!?]$/.test(text) ? text : `${text}.`;
  return seconds > 0 ? `${ended} Please try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.` : ended;
}
