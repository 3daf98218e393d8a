// Verifies access tokens with npm's jose.
// Reads {jwks, issuer, audience, tokens: [..]} from stdin, answers [{ok, sub | code}, ..] on stdout.
import { readFileSync } from "node:fs";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { jwks, issuer, audience, tokens } = JSON.parse(readFileSync(0, "utf8"));
const keys = createRemoteJWKSet(new URL(jwks));
const verdicts = [];
for (const token of tokens) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ["RS256"],
      typ: "at+jwt",
      requiredClaims: ["sub", "jti", "exp", "iat", "client_id"],
    });
    verdicts.push({ ok: true, sub: payload.sub });
  } catch (error) {
    verdicts.push({ ok: false, code: error.code ?? String(error) });
  }
}
process.stdout.write(JSON.stringify(verdicts));
