// Makes a status list token with @owf/token-status-list, signed by jose.
// Reads {key (a private JWK), kid, uri, now, size, bits, statuses: {index: status}} from stdin, answers {token} on stdout.
import { readFileSync } from "node:fs";
import { StatusList, createHeaderAndPayload } from "@owf/token-status-list";
import { SignJWT, importJWK } from "jose";

const { key, kid, uri, now, size, bits, statuses } = JSON.parse(readFileSync(0, "utf8"));
const list = new StatusList(new Array(size).fill(0), bits);
for (const [index, status] of Object.entries(statuses)) list.setStatus(Number(index), status);
const claims = { sub: uri, iat: now, exp: now + 3600, ttl: 60 };
const { header, payload } = createHeaderAndPayload(list, claims, { alg: "RS256", kid, typ: "" });
const token = await new SignJWT(payload).setProtectedHeader(header).sign(await importJWK(key, "RS256"));
process.stdout.write(JSON.stringify({ token }));
