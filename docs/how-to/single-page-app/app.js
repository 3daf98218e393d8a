import { clientId, issuer } from "./config.js";

const { InMemoryWebStorage, UserManager, WebStorageStateStore } = globalThis.oidc;
const home = new URL("./", location.href).href; // registered as redirect URI, for log-in and log-out
const users = new UserManager({
  authority: issuer,
  client_id: clientId,
  redirect_uri: home,
  post_logout_redirect_uri: home,
  scope: "openid profile profile:read orders:read orders:write",
  loadUserInfo: true,
  automaticSilentRenew: true, // by the refresh token, a minute before the access token expires
  revokeTokensOnSignout: true,
  userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }), // no token in the browser's storage
});

async function call(path, { headers, ...options } = {}) {
  const send = ({ access_token: token }) =>
    fetch(issuer + path, { ...options, headers: { ...headers, Authorization: `Bearer ${token}` } });
  let response = await send(await users.getUser());
  if (response.status === 401) response = await send(await users.signinSilent());
  if (!response.ok) throw new Error((await response.json()).title);
  return response.json();
}

async function order() {
  const products = await (await fetch(`${issuer}/products`)).json(); // needs no token
  await call("/orders", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
    body: JSON.stringify({ items: [{ sku: products.items[0].sku, quantity: 1 }] }),
  });
  await show();
}

async function renew() {
  const user = await users.signinSilent();
  say(`Renewed: valid for ${user.expires_in} seconds`);
}

async function show() {
  const user = await users.getUser();
  element("guest").hidden = user !== null;
  element("customer").hidden = user === null;
  if (user === null) return say("You are not logged in.");
  const [me, orders] = await Promise.all([call("/users/me"), call("/orders")]);
  const lines = orders.items.map(({ id, status }) => {
    const line = document.createElement("li");
    line.textContent = `${id} (${status})`;
    return line;
  });
  element("orders").replaceChildren(...lines);
  say(`Hello ${me.name} (${user.profile.sub})`);
}

const element = (id) => document.getElementById(id);
const say = (text) => {
  element("status").textContent = text;
};
const actions = {
  "log-in": () => users.signinRedirect(),
  "log-out": () => users.signoutRedirect(),
  order,
  renew,
};
const run = (action) => action().catch((error) => say(`Error: ${error.message}`));

for (const [id, action] of Object.entries(actions)) element(id).onclick = () => run(action);
await run(async () => {
  const answer = new URLSearchParams(location.search);
  if (answer.has("state") && (answer.has("code") || answer.has("error"))) {
    history.replaceState(null, "", home); // the code is not kept in the address
    await users.signinRedirectCallback(`${home}?${answer}`);
  }
  await show();
});
