// What each field of the token is, who reads it, and where it is defined.

export const HEADER = {
  alg: ["The signature's algorithm: RSA with SHA-256. Services accept this one alone, whatever a token says.", "Every service, before anything else", "RFC 7515, section 4.1.1"],
  typ: ["The kind of token: an access token. It keeps an ID token or a status list from being used in its place.", "Every service", "RFC 9068, section 2.1"],
  kid: ["The id of the key that signed the token. A service looks it up in the issuer's public keys.", "Every service", "RFC 7515, section 4.1.4"],
};

export const CLAIMS = {
  iss: ["The issuer: auth-service behind this gateway. A token of any other issuer is refused.", "Every service", "RFC 9068, section 2.2"],
  sub: ["The subject: you. It is an id, because an email address can change.", "Services that keep data of yours", "RFC 9068, section 2.2"],
  aud: ["The audience: the services that may accept the token. A service that is not in the list refuses it.", "Every service", "RFC 9068, section 2.2"],
  exp: ["The time at which the token expires. The gateway gets another one before.", "Every service", "RFC 9068, section 2.2"],
  iat: ["The time at which the token was issued.", "Every service: it may not be in the future", "RFC 9068, section 2.2"],
  nbf: ["The time before which the token is not valid.", "Every service", "RFC 7519, section 4.1.5"],
  jti: ["The token's own id, for logs.", "People who look into logs", "RFC 9068, section 2.2"],
  client_id: ["The application that you logged in to: this page.", "Services that treat applications differently", "RFC 9068, section 2.2"],
  scope: ["What the token may be used for. Each route needs certain scopes.", "The gateway and the service of the route", "RFC 9068, section 2.2.3"],
  roles: ["The roles of your account. They decide which scopes you can get.", "Services that decide by role", "RFC 9068, section 2.2.3.1"],
  sid: ["The log-in session. All its tokens end with it.", "auth-service", "OpenID Connect Front-Channel Logout 1.0, section 3"],
  auth_time: ["The time at which you logged in. A renewed token keeps it.", "Services that want a recent log-in", "RFC 9068, section 2.2.1"],
  act: ["The service that acts for you, in a token that it got in exchange for yours.", "Services that are called by services", "RFC 8693, section 4.1"],
  status: [
    "Where to see whether the session was ended: `idx` is the position of its bit in the list at `uri`. Every service holds a copy of the list and hears of changes at once; this is how a log-out reaches them all.",
    "Every service, at each request",
    "draft-ietf-oauth-status-list, section 6",
  ],
};

export const OTHER = ["A claim that this issuer adds.", "Depends on the claim", ""];
export const TIMES = new Set(["exp", "iat", "nbf", "auth_time"]);
