import { DescribeStreamSummary } from "@millrace/api";
import { streamSummary } from "../describe.ts";
import { findStream } from "../find-stream.ts";
import { handle } from "../handler.ts";

/** Describes a stream without its shards. */
export const describeStreamSummary = handle(DescribeStreamSummary, (context, input, { caller, failure }) => ({
  StreamDescriptionSummary: streamSummary(findStream(context, input, caller, failure)),
}));
