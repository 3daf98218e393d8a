// An API as the README of express-oauth2-jwt-bearer shows it; only the issuer's address is configured.
import express from "express";
import { auth } from "express-oauth2-jwt-bearer";

const { ISSUER, AUDIENCE, JWKS_MAX_AGE, PORT } = process.env;
const app = express();

app.use(
  auth({
    issuerBaseURL: ISSUER, // keys are found through the metadata
    audience: AUDIENCE,
    tokenSigningAlg: "RS256",
    strict: true, // RFC 9068: `typ`, and the claims that it requires
    clockTolerance: 30,
    // Longer than the issuer's max-age, and a key could sign before it is known here (10 minutes and 30 s by default).
    cacheMaxAge: JWKS_MAX_AGE * 1000,
    cooldownDuration: JWKS_MAX_AGE * 1000,
  }),
);
app.get("/protected", (request, response) => response.json({ sub: request.auth.payload.sub }));
app.use((error, request, response, next) => {
  response.status(error.status ?? 500).set(error.headers ?? {}).json({ error: error.message });
});
app.listen(Number(PORT), "127.0.0.1");
