// Adds up what the suites reported and prints the closing line. A suite that died counts as a failure, and so does a
// skipped test that is not on the list of what a kernel may refuse.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.argv[2] ?? "";
/**
 * Tests may be skipped only for what a kernel may refuse: loop mounts. The suite probes for them when it runs, and names
 * what it met in the test's name.
 */
const MAY_SKIP = /\(loop-mount: /;

let passed = 0;
let failed = 0;
let skipped = 0;
const names = readdirSync(directory).sort();
for (const name of names) {
  const path = join(directory, name);
  if (name.endsWith(".json")) {
    const report = JSON.parse(readFileSync(path, "utf8"));
    for (const { assertionResults, name: file, status } of report.testResults) {
      if (assertionResults.length === 0 && status === "failed") {
        failed += 1;
        console.log(`failed to load: ${file}`);
      }
      for (const { status: result, fullName } of assertionResults) {
        if (result === "passed") passed += 1;
        else if (result === "failed") {
          failed += 1;
          console.log(`failed: ${fullName}`);
        } else if (MAY_SKIP.test(fullName)) {
          skipped += 1;
          console.log(`skipped: ${fullName}`);
        } else {
          failed += 1;
          console.log(`skipped without leave: ${fullName}`);
        }
      }
    }
  } else if (name.endsWith(".passed")) {
    // A suite without a report of its own counts as one test.
    const suite = name.replace(/\.passed$/, "");
    if (!names.some((other) => other.startsWith(`${suite}-`) && other.endsWith(".json"))) passed += 1;
  } else if (name.endsWith(".died")) {
    failed += 1;
    console.log(`suite ${name.replace(/\.died$/, "")}: ${readFileSync(path, "utf8").trim()}`);
  }
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
