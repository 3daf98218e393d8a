// Reads a status list token with @owf/token-status-list, after jose has verified its signature.
// Reads {jwks, uri, token, reference, indexes} from stdin: a list token, an access token that names an entry of it, and entries.
// Answers {typ, sub, size, bits, entry: {idx, uri}, statuses} on stdout.
import { readFileSync } from "node:fs";
import { getListFromStatusListJWT, getStatusListFromJWT } from "@owf/token-status-list";
import { createLocalJWKSet, jwtVerify } from "jose";

const { jwks, uri, token, reference, indexes } = JSON.parse(readFileSync(0, "utf8"));
const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
  algorithms: ["RS256"],
  typ: "statuslist+jwt",
  subject: uri,
  requiredClaims: ["sub", "iat", "exp", "ttl", "status_list"],
});
const list = getListFromStatusListJWT(token);
const answer = {
  typ: protectedHeader.typ,
  sub: payload.sub,
  size: list.statusList.length,
  bits: list.getBitsPerStatus(),
  entry: getStatusListFromJWT(reference),
  statuses: indexes.map((index) => list.getStatus(index)),
};
process.stdout.write(JSON.stringify(answer));
