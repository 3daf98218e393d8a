// The page /docs: Swagger UI over /openapi.json; requests are sent with the cookie of the browser session.
/* global SwaggerUIBundle */

const REQUESTED_WITH = "touchstone"; // what the gateway demands of requests by cookie that change something

function followColorScheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", apply);
  apply();
}

async function fetchJson(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

function link(href, text) {
  const anchor = document.createElement("a");
  anchor.href = href;
  anchor.textContent = text;
  return anchor;
}

async function showLoginState() {
  const line = document.getElementById("login-state");
  try {
    const session = await fetchJson("/bff/session");
    if (session.authenticated) {
      line.replaceChildren(`Logged in as ${session.name} (${session.email}). “Try it” sends your requests with this session.`);
    } else {
      line.replaceChildren("Not logged in. ", link("/bff/login?next=/docs", "Log in"), " to try the routes that need an account, or enter a token under “Authorize”.");
    }
  } catch {
    line.replaceChildren("Whether you are logged in cannot be found out at the moment.");
  }
}

// Swagger UI's own components, with names for assistive technology, without interactive elements inside of buttons.
const components = ({ React: { createElement } }) => ({
  wrapComponents: {
    DeepLink: () => ({ text }) => createElement("span", null, text),
    TextArea: (Original) => (props) => createElement(Original, { "aria-label": "Value", ...props }),
    HighlightCode: (Original) => (props) =>
      createElement("div", { className: "scrollable", role: "group", "aria-label": "Text", tabIndex: 0 }, createElement(Original, props)),
    // The header of the page says it, and there is one server.
    InfoContainer: () => () => null,
    ServersContainer: () => () => null,
    FilterContainer: () => ({ layoutActions }) =>
      createElement("label", { className: "filter" }, "Find routes ",
        createElement("input", { type: "search", onChange: (event) => layoutActions.updateFilter(event.target.value) })),
  },
  fn: {
    opsFilter: (tags, phrase) => {
      const words = phrase.toLowerCase().split(/\s+/);
      const matches = (operation) => {
        const text = [operation.get("method"), operation.get("path"), operation.getIn(["operation", "summary"])].join(" ").toLowerCase();
        return words.every((word) => text.includes(word));
      };
      return tags.map((tag) => tag.update("operations", (list) => list.filter(matches))).filter((tag) => tag.get("operations").size);
    },
  },
});

function requestInterceptor(request) {
  if (request.method !== "GET" && request.method !== "HEAD") request.headers["X-Requested-With"] = REQUESTED_WITH;
  return request;
}

function responseInterceptor(response) {
  if (response.status === 401 || new URL(response.url, location.href).pathname.startsWith("/bff/")) showLoginState();
  return response;
}

async function showApi() {
  const root = document.getElementById("swagger-ui");
  try {
    const spec = await fetchJson("/openapi.json");
    delete spec.components?.securitySchemes?.session; // the browser sends the cookie; it is not entered
    SwaggerUIBundle({
      domNode: root,
      spec: { ...spec, servers: [{ url: location.origin }] },
      layout: "BaseLayout",
      presets: [SwaggerUIBundle.presets.apis],
      plugins: [components],
      requestInterceptor,
      responseInterceptor,
      deepLinking: true,
      defaultModelsExpandDepth: -1,
      displayRequestDuration: true,
      filter: true,
      tryItOutEnabled: true,
      syntaxHighlight: { theme: "tomorrow-night" },
      validatorUrl: null,
      withCredentials: true,
    });
  } catch (error) {
    const message = document.createElement("p");
    message.setAttribute("role", "alert");
    message.textContent = `The description of the API cannot be shown: ${error.message}. Reload the page to try again.`;
    root.replaceChildren(message);
  }
}

followColorScheme();
showLoginState();
showApi();
