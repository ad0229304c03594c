/**
 * The first AWS SDK for Java, which Amazon's Kinesis Agent puts records with, against a Millrace of its own:
 * `node verification/interop/java-v1/run.mjs`, after `npm run build` and `mvn -q -f verification/interop/java-v1 package`. It ends
 * with 1 when something is not as it should be.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import http from "node:http";
import { fileURLToPath } from "node:url";
import { startMillrace } from "../../../packages/millrace/dist/index.js";

const archive = fileURLToPath(new URL("target/millrace-interop-java-v1.jar", import.meta.url));
if (!existsSync(archive)) throw new Error("make it first: mvn -q -f verification/interop/java-v1 package");
const STREAM = "orders";
const region = "us-east-1";

// Two megabytes are put at once, and read in more than five calls a second.
const millrace = await startMillrace({ streams: { [STREAM]: 3 }, region, limits: "off" });
/** In what the SDK speaks: it passes what it hears on, and remembers the content types. */
const contentTypes = new Set();
let requestCount = 0;
const between = http.createServer((request, response) => {
  contentTypes.add(request.headers["content-type"]);
  requestCount += 1;
  const { method, url: path, headers } = request;
  const far = http.request(millrace.endpoint, { method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  far.on("error", () => response.destroy());
  request.pipe(far);
});
between.listen(0, "127.0.0.1");
await once(between, "listening");
console.log(`the AWS SDK for Java 1.12.390 at ${millrace.endpoint}`);
try {
  const endpoint = `http://127.0.0.1:${between.address().port}`;
  const program = spawn("java", ["-jar", archive, endpoint, region, STREAM], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [code] = await once(program, "exit");
  if (code !== 0) throw new Error(`it ended with ${code}`);
  assert.deepEqual([...contentTypes], ["application/x-amz-cbor-1.1"]);
  console.log(`  all ${requestCount} requests were CBOR`);
  console.log("the AWS SDK for Java 1: as it should be");
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  between.close();
  between.closeAllConnections();
  await millrace.close();
}
