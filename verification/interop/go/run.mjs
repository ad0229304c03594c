/**
 * The AWS SDK for Go v2 against a Millrace of its own: `node verification/interop/go/run.mjs`, after `npm run build` and
 * `go -C verification/interop/go build -o target/ .`. It ends with 1 when something is not as it should be.
 *
 * The tour goes once over cleartext, which is HTTP/1.1 in Go, and once over TLS, which is HTTP/2 (its event streams too).
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { play, REGION } from "../kpl/scene.mjs";

const program = fileURLToPath(new URL("target/millrace-interop-go", import.meta.url));
if (!existsSync(program)) throw new Error("make it first: go -C verification/interop/go build -o target/ .");

for (const isOverTls of [false, true]) {
  await play({}, async (scene) => {
    const place = isOverTls ? [scene.tlsEndpoint, REGION, scene.certificate] : [scene.endpoint, REGION];
    console.log(`the AWS SDK for Go v2 at ${place[0]}`);
    const tour = scene.start("Go", program, place);
    const code = await tour.ended;
    for (const line of tour.lines) console.log(line);
    assert.equal(code, 0, "the tour goes to its end");
    const requests = await scene.requestCounts();
    assert.equal(requests.unknown, undefined, "the SDK has asked for what is not served");
    console.log("the AWS SDK for Go v2: as it should be");
  });
}
