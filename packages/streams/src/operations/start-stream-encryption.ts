import { StartStreamEncryption } from "@millrace/api";
import { refuseBeyondDay, withCallOfDay } from "../calls-of-day.ts";
import { encryptedFrom, refuseMalformedKeyId, requireKms } from "../encryption.ts";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { updating } from "../updating.ts";

/**
 * Records of a stream carry EncryptionType KMS from now on; one that is encrypted already changes its key. The
 * setting is kept and told; the bytes on disk are as before.
 */
export const startStreamEncryption = handle(
  StartStreamEncryption,
  async (context, input, { caller, failure, nowMs }) => {
    const name = readStreamName(input, caller, failure);
    const { EncryptionType: type, KeyId: keyId } = input;
    await context.catalog.change(name, (stream) => {
      if (stream === undefined) throw streamNotFound(name, failure);
      requireKms(type, failure);
      refuseMalformedKeyId(keyId, failure);
      requireActive(stream, failure);
      refuseBeyondDay(
        stream,
        StartStreamEncryption.name,
        context.limits.encryptionStartsPerDay,
        nowMs,
        failure,
      );
      const { header } = stream;
      return {
        header: updating(
          context,
          {
            ...header,
            encryption: { type: "KMS", keyId },
            encryptedPeriods: encryptedFrom(stream, nowMs),
            calls: withCallOfDay(stream, StartStreamEncryption.name, nowMs),
          },
          nowMs,
        ),
      };
    });
    return {};
  },
);
