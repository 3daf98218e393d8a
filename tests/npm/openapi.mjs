// Validates OpenAPI documents by the official schema of their version.
// Reads {name: document, ..} from stdin, answers {name: {version, valid, errors}, ..} on stdout.
import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";

const verdicts = {};
for (const [name, document] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(document);
  verdicts[name] = { version: validator.version ?? null, valid, errors: errors ?? null };
}
process.stdout.write(JSON.stringify(verdicts));
