// Holds the document against the recommended rules of redocly. Errors fail; warnings are told.
import { createRequire } from "node:module";

// It comes with openapi-typescript.
const require = createRequire(createRequire(import.meta.url).resolve("openapi-typescript"));
const { createConfig, lint } = require("@redocly/openapi-core");
const rules = {
  // Some calls refuse nobody.
  "operation-4xx-response": "off",
  // It does not look into x-webhooks.
  "no-unused-components": "off",
};
const found = await lint({ ref: process.argv[2], config: await createConfig({ extends: ["recommended"], rules }) });
for (const { severity, message, ruleId, location } of found) console.log(`${severity} ${ruleId}: ${message} at ${location[0]?.pointer}`);
if (found.some(({ severity }) => severity === "error")) process.exit(1);
