import { StopStreamEncryption } from "@millrace/api";
import { refuseBeyondDay, withCallOfDay } from "../calls-of-day.ts";
import { encryptedUntil, refuseMalformedKeyId, requireKms } from "../encryption.ts";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { updating } from "../updating.ts";

/** Records of a stream no longer carry EncryptionType KMS; those put before still do. */
export const stopStreamEncryption = handle(
  StopStreamEncryption,
  async (context, input, { caller, failure, nowMs }) => {
    const name = readStreamName(input, caller, failure);
    await context.catalog.change(name, (stream) => {
      if (stream === undefined) throw streamNotFound(name, failure);
      requireKms(input.EncryptionType, failure);
      refuseMalformedKeyId(input.KeyId, failure);
      requireActive(stream, failure);
      const { header } = stream;
      if (header.encryption.type === "NONE") return undefined;
      refuseBeyondDay(
        stream,
        StopStreamEncryption.name,
        context.limits.encryptionStopsPerDay,
        nowMs,
        failure,
      );
      return {
        header: updating(
          context,
          {
            ...header,
            encryption: { type: "NONE" },
            encryptedPeriods: encryptedUntil(stream, nowMs),
            calls: withCallOfDay(stream, StopStreamEncryption.name, nowMs),
          },
          nowMs,
        ),
      };
    });
    return {};
  },
);
