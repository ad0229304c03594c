import { PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { CborTime, encodeCbor } from "../src/cbor.ts";
import { uniqueName } from "../src/suite.ts";
import { authorization, rawCasesRun, request } from "../src/raw.ts";
import { metrics, refused } from "../src/side-clients.ts";
import { target } from "../src/target.ts";

const put = (Namespace: string, MetricData: object[]) =>
  metrics().send(new PutMetricDataCommand({ Namespace, MetricData: MetricData as never }));

async function points(namespace: string, more = ""): Promise<Record<string, unknown>[]> {
  const response = await fetch(
    new URL(`/_millrace/metrics/points?namespace=${namespace}${more}`, target.endpoint),
  );
  return ((await response.json()) as { points: Record<string, unknown>[] }).points;
}

const headers = (more: Record<string, string>) => ({
  authorization: authorization("000000000000"),
  "x-amz-date": "20260101T000000Z",
  ...more,
});

describe("PutMetricData", () => {
  test("takes values, counted values and statistics", async () => {
    const namespace = uniqueName("space");
    await put(namespace, [
      {
        MetricName: "value",
        Value: 1.5,
        Unit: "Milliseconds",
        Dimensions: [{ Name: "Operation", Value: "x" }],
      },
      { MetricName: "values", Values: [1, 2], Counts: [3, 4] },
      { MetricName: "statistics", StatisticValues: { SampleCount: 2, Sum: 3, Minimum: 1, Maximum: 2 } },
    ]);
    if (!rawCasesRun) return;
    expect(await points(namespace)).toMatchObject([
      { metricName: "value", values: [1.5], unit: "Milliseconds", dimensions: { Operation: "x" } },
      { metricName: "values", values: [1, 2], counts: [3, 4], unit: "None" },
      { metricName: "statistics", statistics: { sampleCount: 2, sum: 3, minimum: 1, maximum: 2 } },
    ]);
    expect(await points(namespace, "&metric=value&dimension.Operation=y")).toEqual([]);
  });

  test("data that contradict themselves are refused", async () => {
    await refused(put("N", [{ MetricName: "m" }]), "MissingRequiredParameterException", /At least one of/);
    await refused(
      put("N", [{ MetricName: "m", Value: 1, Values: [1] }]),
      "InvalidParameterCombinationException",
    );
    await refused(
      put("N", [{ MetricName: "m", Values: [1], Counts: [1, 2] }]),
      "InvalidParameterValueException",
    );
    await refused(
      put("N", [{ MetricName: "m", Value: 1, Timestamp: new Date(0) }]),
      "InvalidParameterValueException",
      /two weeks/,
    );
    await refused(put("N", []), "MissingRequiredParameterException");
  });

  if (rawCasesRun) {
    test("speaks the query protocol of older clients", async () => {
      const namespace = uniqueName("space");
      const form = new URLSearchParams({
        Action: "PutMetricData",
        Version: "2010-08-01",
        Namespace: namespace,
        "MetricData.member.1.MetricName": "a",
        "MetricData.member.1.Value": "1.25",
        "MetricData.member.1.Dimensions.member.1.Name": "D",
        "MetricData.member.1.Dimensions.member.1.Value": "v",
        "MetricData.member.1.Timestamp": new Date().toISOString(),
        "MetricData.member.10.MetricName": "c",
        "MetricData.member.10.Value": "3",
        "MetricData.member.2.MetricName": "b",
        "MetricData.member.2.Value": "2",
      });
      const answer = await request({
        headers: headers({ "content-type": "application/x-www-form-urlencoded; charset=utf-8" }),
        body: form.toString(),
      });
      expect(answer.status).toBe(200);
      expect(answer.body.toString()).toMatch(
        /^<PutMetricDataResponse xmlns="http:\/\/monitoring.amazonaws.com\/doc\/2010-08-01\/"><ResponseMetadata><RequestId>/,
      );
      expect((await points(namespace)).map(({ metricName, values }) => [metricName, values])).toEqual([
        ["a", [1.25]],
        ["b", [2]],
        ["c", [3]],
      ]);
      form.set("MetricData.member.1.Value", "much");
      const fault = await request({
        headers: headers({ "content-type": "application/x-www-form-urlencoded" }),
        body: form.toString(),
      });
      expect(fault.status).toBe(400);
      expect(fault.body.toString()).toContain("<Type>Sender</Type><Code>MalformedInput</Code>");
    });

    test("speaks RPC v2 over CBOR, compressed too, with times in seconds", async () => {
      const namespace = uniqueName("space");
      const seconds = Math.floor(Date.now() / 1000) - 60;
      const body = encodeCbor({
        Namespace: namespace,
        MetricData: [{ MetricName: "a", Value: 2.5, Timestamp: new CborTime(seconds) }],
      });
      const sent = {
        path: "/service/GraniteServiceVersion20100801/operation/PutMetricData",
        headers: headers({
          "smithy-protocol": "rpc-v2-cbor",
          "content-type": "application/cbor",
          accept: "application/cbor",
        }),
      };
      const answer = await request({ ...sent, body });
      expect(answer.status).toBe(200);
      expect(answer.headers["smithy-protocol"]).toBe("rpc-v2-cbor");
      const compressed = await request({
        ...sent,
        headers: { ...sent.headers, "content-encoding": "gzip" },
        body: gzipSync(body),
      });
      expect(compressed.status).toBe(200);
      const timestamp = new Date(seconds * 1000).toISOString();
      expect(await points(namespace)).toMatchObject([
        { metricName: "a", values: [2.5], timestamp },
        { metricName: "a", values: [2.5], timestamp },
      ]);
      const fault = await request({ ...sent, body: encodeCbor({ MetricData: [] }) });
      expect(fault.status).toBe(400);
      expect(fault.body.toString("latin1")).toContain("ValidationException");
    });

    test("parameters that the page of points does not have are refused", async () => {
      const response = await fetch(new URL("/_millrace/metrics/points?name=x", target.endpoint));
      expect(response.status).toBe(400);
      expect(await response.text()).toContain("There is no parameter name");
    });
  }
});
