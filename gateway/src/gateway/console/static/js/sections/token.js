import { sentence } from "../api.js";
import { h, table } from "../dom.js";
import { moment, relative } from "../times.js";
import { countdown } from "../token/countdown.js";
import { CLAIMS, HEADER, OTHER, TIMES } from "../token/fields.js";

const COLUMNS = ["Field", "Value", "What it is", "Who reads it", "Defined in"];

function value(name, content) {
  if (TIMES.has(name)) return [h("time", { "data-at": content }), h("div", {}, h("code", {}, `${content}`))];
  if (Array.isArray(content)) return h("ul", { class: "values" }, content.map((each) => h("li", {}, h("code", {}, each))));
  if (name === "scope") return value("", content.split(" "));
  if (name === "status") return value("", Object.entries(content.status_list).map(([each, of]) => `${each}: ${of}`));
  return h("code", {}, typeof content === "object" ? JSON.stringify(content) : `${content}`);
}

// Backquotes mark names.
const prose = (text) => text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));

function fields(title, members, known) {
  const rows = Object.entries(members).map(([name, content]) => {
    const [what, reader, source] = known[name] ?? OTHER;
    return [h("code", { class: "name" }, name), value(name, content), h("span", {}, prose(what)), reader, h("span", { class: "soft" }, source)];
  });
  return [h("h2", {}, title), table(title, COLUMNS, rows)];
}

function key(kid, answer) {
  if (!answer.ok) return h("p", {}, sentence(answer));
  const { keys } = answer.body;
  const found = keys.find((each) => each.kid === kid);
  if (!found) return h("p", {}, "The key is not published any more: it was withdrawn, so every service refuses this token.");
  const bits = found.n ? ` of ${Math.floor((found.n.length * 6) / 8) * 8} bits` : ""; // base64url: 6 bits in a character
  const others = keys.length === 1 ? "It is the only published key." : `${keys.length} keys are published: before another one signs, every service has it.`;
  return h(
    "p",
    {},
    "Signed by the key ",
    h("code", {}, kid),
    `: ${found.kty}${bits}, ${found.alg}. ${others} `,
    h("a", { href: "/.well-known/jwks.json" }, "All public keys"),
  );
}

export const section = {
  id: "token",
  title: "The token",
  needs: "session",
  mount(root, app) {
    const time = countdown();
    const header = h("section", { class: "card", "aria-label": "Header" });
    const claims = h("section", { class: "card", "aria-label": "Claims" });
    const signer = h("section", { class: "card", "aria-labelledby": "signer" }, h("h2", { id: "signer" }, "The signature"));
    let shown = null;

    function tick() {
      time.tick(app.session.claims.iat, app.session.expires_at);
      for (const each of claims.querySelectorAll("time")) each.textContent = `${moment(each.dataset.at)} (${relative(each.dataset.at)})`;
    }

    async function show({ authenticated, claims: members, header: head }) {
      if (!authenticated || shown === members.jti) return;
      if (shown) app.announce("The token was renewed.");
      shown = members.jti;
      header.replaceChildren(...fields("Header", head, HEADER));
      claims.replaceChildren(...fields("Claims", members, CLAIMS));
      tick();
      const answer = await app.api("/.well-known/jwks.json");
      signer.replaceChildren(signer.firstChild, key(head.kid, answer));
    }

    root.append(
      h(
        "div",
        { class: "pair" },
        h("section", { class: "card", "aria-labelledby": "left" }, h("h2", { id: "left" }, "Time left"), time.root),
        h(
          "section",
          { class: "card", "aria-labelledby": "hidden" },
          h("h2", { id: "hidden" }, "Why the token itself is not here"),
          h("p", {}, "Anyone who has a token can use it. So the gateway keeps yours in an encrypted cookie that no script can read, and adds it to your requests. This page gets the header and the claims alone; without the signature they are worth nothing."),
        ),
      ),
      signer,
      header,
      claims,
    );
    show(app.session);
    const timer = setInterval(tick, 1000);
    const stop = app.onSession(show);
    return () => {
      clearInterval(timer);
      stop();
    };
  },
};
