/** The frame of one operation's specification, and the groups of cases that many operations share. */
import { afterAll, afterEach, describe, expect, test, type RunnerTask } from "vitest";
import {
  deleteCreatedStreams,
  newAccount,
  patiently,
  uniqueName,
  type Account,
  type Stream,
} from "./account.ts";
import { CallError, unknownToSdk, type Input, type OperationName } from "./client.ts";
import { record } from "./coverage.ts";
import { mustNotBeNull, offPattern, refused, tooLong, tooShort, violates } from "./expectations.ts";
import { patterns } from "./facts.ts";
import { injected } from "./injected.ts";
import { target } from "./target.ts";

const leftOut: string[] = [];

/** Everything that is specified of one operation. */
export function specify(operation: OperationName, cases: () => void): void {
  describe(operation, () => {
    if (target.driver.lacks.has(operation)) {
      member(operation, "is there", () => newAccount().call(operation));
      return;
    }
    afterEach(deleteCreatedStreams);
    cases();
    // The runner insists on a pattern for its fixtures, of which there are none.
    afterAll(({}, { tasks }) => {
      if (everyCaseRan(tasks)) record({ kind: "whole", operation });
      if (leftOut.length > 0) console.info(`left out:\n${leftOut.splice(0).join("\n")}`);
    });
  });
}

function everyCaseRan(tasks: readonly RunnerTask[]): boolean {
  return tasks.every((task) =>
    task.type === "suite" ? everyCaseRan(task.tasks) : task.mode === "run" || task.mode === "queued",
  );
}

/**
 * A case of a member, or an operation, that an SDK may be too old to know. Then the case is that it does
 * not, so that the list of what the SDK lacks is kept up to date.
 */
export function member(member: string, name: string, body: () => Promise<unknown>): void {
  if (target.driver.lacks.has(member)) {
    test(`${name} (${member} is younger than this SDK)`, async () => {
      await expect(body()).rejects.toMatchObject({ code: unknownToSdk });
    });
  } else {
    test(name, async () => {
      await body();
    });
  }
}

/** A case that moves the service's clock. Left out, and said so, where the clock cannot be moved. */
export function timed(
  name: string,
  body: (advance: (durationMs: number) => Promise<void>) => Promise<void>,
): void {
  const { controls } = target;
  if (controls === undefined) leftOut.push(`  ${name} (needs a clock that can be moved)`);
  else test(name, () => body(controls.advance));
}

/** A case of how our server differs from AWS on purpose: `docs/compatibility.md` lists them all. */
export function ownCase(name: string, body: () => Promise<void>): void {
  if (target.controls === undefined) leftOut.push(`  ${name} (differs from AWS)`);
  else test(name, body);
}

/** One case for each error that only a fault produces; `input` is a call that would otherwise be accepted. */
export function injectedErrors(operation: OperationName, input: (account: Account) => Promise<Input>): void {
  const { controls } = target;
  const codes = injected[operation] ?? [];
  if (controls === undefined) {
    leftOut.push(...codes.map((code) => `  ${operation} answers ${code} (needs faults)`));
    return;
  }
  if (codes.length === 0) return;
  describe("an error that only a fault produces", () => {
    for (const code of codes) {
      test(`${code} reaches the client`, async () => {
        const account = newAccount();
        const call = await input(account);
        await controls.failNext({ operation, code });
        const attempt =
          operation === "SubscribeToShard" ? account.subscribe(call) : account.call(operation, call);
        await refused(operation, code, attempt);
      });
    }
  });
}

export const unknownStream = (name: string, accountId: string): string =>
  `Stream ${name} under account ${accountId} not found.`;

/**
 * How a stream is named in a request: by name, by ARN, by both when they agree.
 * `rest` is the remaining input of a call that would otherwise be accepted.
 */
export function streamAddressing(
  operation: OperationName,
  rest: (account: Account, stream: Stream) => Promise<Input> | Input,
  options: {
    /** When the operation takes only one of the two. */
    readonly only?: "StreamARN";
    /** The text for an unknown stream, where it differs from the usual one. */
    readonly unknown?: (name: string, accountId: string) => string;
    /** Input for a stream that does not exist, where `rest` cannot work without one. */
    readonly restOfUnknown?: Input;
    /** Streams in these cases are made with this input. */
    readonly stream?: Input;
  } = {},
): void {
  const byNameToo = options.only === undefined;
  const unknown = options.unknown ?? unknownStream;
  const restOfUnknown = async (account: Account) =>
    options.restOfUnknown ?? (await rest(account, { name: "none", arn: await arnOf(account, "none") }));

  describe("the stream", () => {
    test("is found by its ARN", async () => {
      const account = newAccount();
      const stream = await account.stream(options.stream);
      await account.call(operation, { StreamARN: stream.arn, ...(await rest(account, stream)) });
    });

    test("is not found by an unknown ARN", async () => {
      const account = newAccount();
      const name = uniqueName();
      await refused(
        operation,
        "ResourceNotFoundException",
        account.call(operation, { StreamARN: await arnOf(account, name), ...(await restOfUnknown(account)) }),
        unknown(name, await account.id()),
      );
    });

    test("must have an ARN that looks like one", async () => {
      const account = newAccount();
      await violates(
        operation,
        account.call(operation, { StreamARN: "not-an-arn", ...(await restOfUnknown(account)) }),
        [offPattern("streamARN", "not-an-arn", patterns.streamARN)],
      );
    });

    if (byNameToo) {
      test("is found by its name", async () => {
        const account = newAccount();
        const stream = await account.stream(options.stream);
        await account.call(operation, { StreamName: stream.name, ...(await rest(account, stream)) });
      });

      test("is found by a name and an ARN that agree", async () => {
        const account = newAccount();
        const stream = await account.stream(options.stream);
        await account.call(operation, {
          StreamName: stream.name,
          StreamARN: stream.arn,
          ...(await rest(account, stream)),
        });
      });

      test("is not found by an unknown name", async () => {
        const account = newAccount();
        const name = uniqueName();
        await refused(
          operation,
          "ResourceNotFoundException",
          account.call(operation, { StreamName: name, ...(await restOfUnknown(account)) }),
          unknown(name, await account.id()),
        );
      });

      test("must be named", async () => {
        const account = newAccount();
        await refused(
          operation,
          "InvalidArgumentException",
          account.call(operation, await restOfUnknown(account)),
        );
      });

      test("must not be named by a name and an ARN that differ", async () => {
        const account = newAccount();
        const stream = await account.stream(options.stream);
        await refused(
          operation,
          "InvalidArgumentException",
          account.call(operation, {
            StreamName: uniqueName(),
            StreamARN: stream.arn,
            ...(await rest(account, stream)),
          }),
        );
      });

      test("must have a name of the service's characters", async () => {
        const account = newAccount();
        await violates(
          operation,
          account.call(operation, { StreamName: "a;b", ...(await restOfUnknown(account)) }),
          [offPattern("streamName", "a;b", patterns.name)],
        );
      });

      test("must have a name of at most 128 characters", async () => {
        const account = newAccount();
        const name = "a".repeat(129);
        await violates(
          operation,
          account.call(operation, { StreamName: name, ...(await restOfUnknown(account)) }),
          [tooLong("streamName", name, 128)],
        );
      });

      test("must not have an empty name", async () => {
        const account = newAccount();
        await violates(
          operation,
          account.call(operation, { StreamName: "", ...(await restOfUnknown(account)) }),
          [offPattern("streamName", "", patterns.name), tooShort("streamName", "", 1)],
        );
      });
    } else {
      test("must be named by its ARN", async () => {
        const account = newAccount();
        await violates(operation, account.call(operation, await restOfUnknown(account)), [
          mustNotBeNull("streamARN"),
        ]);
      });
    }
  });
}

/** The operation changes the stream and so refuses one that is just being created. */
export function needsActiveStream(
  operation: OperationName,
  input: (account: Account, stream: Stream) => Promise<Input> | Input,
  create: Input = {},
): void {
  test("a stream that is still being created is in use", async () => {
    const account = newAccount();
    const accountId = await account.id();
    await whileInState(async () => {
      const name = await account.creatingStream(create);
      const stream = { name, arn: await arnOf(account, name) };
      return refused(
        operation,
        "ResourceInUseException",
        account.call(operation, await input(account, stream)),
        new RegExp(`Stream ${name} under account ${accountId} not ACTIVE, instead in state CREATING`),
      );
    });
  });
}

/** The operation changes what will soon be gone, and so refuses a stream that is being deleted. */
export function refusesDeletingStream(
  operation: OperationName,
  input: (account: Account, stream: Stream) => Promise<Input> | Input,
): void {
  test("a stream that is being deleted is in use", async () => {
    const account = newAccount();
    await whileInState(async () => {
      const stream = await account.stream();
      const prepared = await input(account, stream);
      await patiently(() => account.call("DeleteStream", { StreamName: stream.name }));
      await refused(operation, "ResourceInUseException", account.call(operation, prepared));
    });
  });
}

/** The state lasts 50 ms; a machine that was busy meanwhile may try again. */
export async function whileInState<T>(attempt: () => Promise<T>): Promise<T> {
  for (let triesLeft = 3; ; triesLeft--) {
    try {
      return await attempt();
    } catch (error) {
      if (triesLeft === 0 || error instanceof CallError) throw error;
    }
  }
}

export async function arnOf(account: Account, name: string): Promise<string> {
  return `arn:aws:kinesis:${target.region}:${await account.id()}:stream/${name}`;
}

/** How a stream or a consumer is named by its ARN; `rest` as in `streamAddressing`. */
export function resourceAddressing(
  operation: OperationName,
  rest: (account: Account, resourceArn: string) => Promise<Input> | Input,
): void {
  describe("the resource", () => {
    test("may be a stream", async () => {
      const account = newAccount();
      const { arn } = await account.stream();
      await account.call(operation, { ResourceARN: arn, ...(await rest(account, arn)) });
    });

    test("may be a consumer", async () => {
      const account = newAccount();
      const arn = await account.consumer(await account.stream());
      await account.call(operation, { ResourceARN: arn, ...(await rest(account, arn)) });
    });

    test("is refused when nobody knows it", async () => {
      const account = newAccount();
      const arn = await arnOf(account, uniqueName());
      await refused(
        operation,
        "ResourceNotFoundException",
        account.call(operation, { ResourceARN: arn, ...(await rest(account, arn)) }),
      );
    });

    test("is refused when its stream has no such consumer", async () => {
      const account = newAccount();
      const { arn } = await account.stream();
      const consumer = `${arn}/consumer/none:1700000000`;
      await refused(
        operation,
        "ResourceNotFoundException",
        account.call(operation, { ResourceARN: consumer, ...(await rest(account, consumer)) }),
      );
    });

    test("must be named", async () => {
      const account = newAccount();
      await violates(operation, account.call(operation, await rest(account, "")), [
        mustNotBeNull("resourceARN"),
      ]);
    });

    test("must be one that has such things", async () => {
      const account = newAccount();
      const arn = (await arnOf(account, "a")).replace(":stream/", ":upstream/");
      await refused(
        operation,
        "InvalidArgumentException",
        account.call(operation, { ResourceARN: arn, ...(await rest(account, arn)) }),
      );
    });

    test("must have an ARN that looks like one", async () => {
      const account = newAccount();
      await violates(
        operation,
        account.call(operation, { ResourceARN: "x", ...(await rest(account, "x")) }),
        [offPattern("resourceARN", "x", patterns.resourceARN)],
      );
    });
  });
}
