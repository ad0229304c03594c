import { describe, expect, test } from "vitest";
import { banner, type BannerFacts, explainPortTaken } from "./banner.ts";

const facts: BannerFacts = {
  urls: ["http://127.0.0.1:4566"],
  dataDir: "/srv/millrace",
  durability: "fsync",
  dev: false,
  limits: "aws",
  streamNames: [],
  certPath: undefined,
  version: "1.2.3",
  startedInMs: 123.4,
  color: false,
};

describe("the banner", () => {
  test("says where the server is, what it keeps and promises, and three lines to copy", () => {
    expect(banner(facts)).toBe(
      [
        "Millrace 1.2.3 is ready in 123 ms",
        "",
        "  endpoint    http://127.0.0.1:4566",
        "  data        /srv/millrace",
        "  durability  fsync: what is acknowledged survives a power cut",
        "",
        "  AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any aws --endpoint-url http://127.0.0.1:4566 --region us-east-1 kinesis create-stream --stream-name clicks --shard-count 2",
        "  echo hello | millrace put clicks",
        "  millrace tail clicks --from trim-horizon",
        "",
        "",
      ].join("\n"),
    );
  });

  test("is loud when nothing is kept", () => {
    const text = banner({ ...facts, durability: "memory", color: true });
    expect(text).toContain("\u001b[1;31mMEMORY: NOTHING IS KEPT.");
    expect(text).not.toContain("/srv/millrace");
  });

  test("names another port in the lines to copy, and the streams that are there", () => {
    const text = banner({ ...facts, urls: ["http://127.0.0.1:5000"], streamNames: ["orders"] });
    expect(text).toContain("describe-stream-summary --stream-name orders");
    expect(text).toContain("millrace put orders --endpoint http://127.0.0.1:5000\n");
  });
});

describe("a taken port", () => {
  test("is explained with who it may be, how to find out, and another port", () => {
    expect(explainPortTaken({ host: "127.0.0.1", port: 4566, platform: "linux" })).toBe(
      "port 4566 of 127.0.0.1 is taken. It may be another Millrace, or LocalStack, which uses the same port.\n" +
        "`ss -ltnp 'sport = :4566'` tells which. To use another port: millrace serve --port 4567, or --port 0 for any free one.",
    );
    expect(explainPortTaken({ host: "::", port: 80, platform: "darwin" })).toContain("lsof -nP -iTCP:80");
  });
});
