import { describe, expect, expectTypeOf, test } from "vitest";

import {
  blob,
  boolean,
  type CreateStream,
  type Decoded,
  type DescribeStreamSummary,
  type ErrorCodeOf,
  type GetRecords,
  type InputOf,
  integer,
  kinesis,
  list,
  type ListTagsForResource,
  map,
  operation,
  optional,
  type OutputOf,
  type PutRecord,
  type PutRecords,
  required,
  type Service,
  string,
  structure,
  type SubscribeToShard,
  timestamp,
  union,
} from "./index.ts";

/** The members written out, so that two types are compared and not two ways to write them. */
type Plain<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Plain<Item>[]
    : T extends object
      ? { [Key in keyof T]: Plain<T[Key]> }
      : T;

describe("types of decoded values", () => {
  test("a required member is there, an optional one may be absent, and absent is not undefined", () => {
    expectTypeOf<Plain<InputOf<typeof PutRecord>>>().toEqualTypeOf<{
      readonly Data: Uint8Array;
      readonly StreamName?: string;
      readonly PartitionKey?: string;
      readonly ExplicitHashKey?: string;
      readonly SequenceNumberForOrdering?: string;
      readonly StreamARN?: string;
      readonly StreamId?: string;
      readonly DryRun?: boolean;
    }>();
    expectTypeOf<Plain<OutputOf<typeof PutRecord>>>().toEqualTypeOf<{
      readonly ShardId: string;
      readonly SequenceNumber: string;
      readonly EncryptionType?: "NONE" | "KMS";
    }>();
  });

  test("structures nest in lists", () => {
    expectTypeOf<Plain<InputOf<typeof PutRecords>["Records"]>>().toEqualTypeOf<
      readonly {
        readonly Data: Uint8Array;
        readonly ExplicitHashKey?: string;
        readonly PartitionKey?: string;
      }[]
    >();
    expectTypeOf<Plain<OutputOf<typeof GetRecords>["Records"][number]>>().toEqualTypeOf<{
      readonly SequenceNumber: string;
      readonly Data: Uint8Array;
      readonly ApproximateArrivalTimestamp?: number;
      readonly PartitionKey?: string;
      readonly EncryptionType?: "NONE" | "KMS";
    }>();
    expectTypeOf<NonNullable<OutputOf<typeof ListTagsForResource>["Tags"]>[number]["Key"]>().toBeString();
  });

  test("enumerations, timestamps and maps have their types", () => {
    type Summary = OutputOf<typeof DescribeStreamSummary>["StreamDescriptionSummary"];
    expectTypeOf<Summary["StreamStatus"]>().toEqualTypeOf<"CREATING" | "DELETING" | "ACTIVE" | "UPDATING">();
    expectTypeOf<Summary["StreamCreationTimestamp"]>().toBeNumber();
    expectTypeOf<NonNullable<InputOf<typeof CreateStream>["Tags"]>>().toEqualTypeOf<
      Readonly<Record<string, string>>
    >();
  });

  test("a union has exactly one of its members", () => {
    type Event = OutputOf<typeof SubscribeToShard>["EventStream"];
    expectTypeOf<{ InternalFailureException: { message: string } }>().toExtend<Event>();
    expectTypeOf<{ NoSuchEvent: object }>().not.toExtend<Event>();
    const either = union({ One: optional(string()), Two: optional(integer()) });
    expectTypeOf<Decoded<typeof either>>().toEqualTypeOf<
      { readonly One: string } | { readonly Two: number }
    >();
  });

  test("error codes are the operation's own", () => {
    expectTypeOf<"KMSOptInRequired">().toExtend<ErrorCodeOf<typeof PutRecord>>();
    expectTypeOf<"ExpiredIteratorException">().not.toExtend<ErrorCodeOf<typeof PutRecord>>();
    expectTypeOf<ErrorCodeOf<typeof CreateStream>>().toEqualTypeOf<
      "ResourceInUseException" | "LimitExceededException" | "InvalidArgumentException" | "ValidationException"
    >();
  });

  test("a service knows its operations by name", () => {
    expectTypeOf(kinesis).toExtend<Service>();
    expectTypeOf<InputOf<(typeof kinesis.operations)["PutRecord"]>>().toEqualTypeOf<
      InputOf<typeof PutRecord>
    >();
  });

  test("an input that no contract allows is a compile error", () => {
    type Mode = NonNullable<InputOf<typeof CreateStream>["StreamModeDetails"]>["StreamMode"];
    // @ts-expect-error Data is required.
    const withoutData: InputOf<typeof PutRecord> = { StreamName: "s" };
    // @ts-expect-error The service knows no such mode.
    const wrongMode: Mode = "FAST";
    // @ts-expect-error Absent and undefined differ.
    const undefinedName: InputOf<typeof PutRecord> = { Data: new Uint8Array(), StreamName: undefined };
    expect([withoutData, wrongMode, undefinedName]).toHaveLength(3);
  });
});

describe("shapes", () => {
  test("are frozen plain objects that say only what was given", () => {
    const shape = structure({
      Name: required(string({ length: [1, 8], pattern: "[a-z]+" })),
      Sizes: optional(list(integer({ min: 0 }), { length: [1] })),
      Flags: optional(map(string(), boolean())),
      Blob: optional(blob()),
      At: optional(timestamp()),
    });
    expect(shape).toEqual({
      kind: "structure",
      members: {
        Name: { required: true, shape: { kind: "string", minLength: 1, maxLength: 8, pattern: "[a-z]+" } },
        Sizes: {
          required: false,
          shape: { kind: "list", member: { kind: "integer", min: 0 }, minLength: 1 },
        },
        Flags: {
          required: false,
          shape: { kind: "map", key: { kind: "string" }, value: { kind: "boolean" } },
        },
        Blob: { required: false, shape: { kind: "blob" } },
        At: { required: false, shape: { kind: "timestamp" } },
      },
    });
    for (const part of [shape, shape.members, shape.members.Name, shape.members.Name.shape]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe("the service", () => {
  test("has its 45 operations under their own names, frozen", () => {
    const operations = Object.entries(kinesis.operations);
    expect(operations).toHaveLength(45);
    expect(operations.map(([, { name }]) => name)).toEqual(operations.map(([key]) => key));
    expect([kinesis, kinesis.operations, ...operations.map(([, one]) => one)].every(Object.isFrozen)).toBe(
      true,
    );
  });

  test("has one event stream, and it is a union", () => {
    const streaming = Object.values(kinesis.operations).filter((one) => one.eventStream !== undefined);
    expect(streaming.map(({ name }) => name)).toEqual(["SubscribeToShard"]);
    expect(kinesis.operations.SubscribeToShard.output.members.EventStream.shape.kind).toBe("union");
  });

  test("answers errors under the names of the service, of which one has no suffix", () => {
    const codes = new Set(
      Object.values(kinesis.operations).flatMap(({ errors }): readonly string[] => errors),
    );
    expect([...codes].filter((code) => !code.endsWith("Exception"))).toEqual(["KMSOptInRequired"]);
    expect(codes.size).toBe(17);
  });

  test("an operation keeps the literal names that it declares", () => {
    const one = operation({
      name: "One",
      plane: "control",
      documentation: "",
      input: structure({}),
      output: structure({}),
      errors: ["LimitExceededException"],
    });
    expectTypeOf(one.name).toEqualTypeOf<"One">();
    expectTypeOf<ErrorCodeOf<typeof one>>().toEqualTypeOf<"LimitExceededException">();
  });
});
