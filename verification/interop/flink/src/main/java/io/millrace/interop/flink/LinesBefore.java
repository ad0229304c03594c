package io.millrace.interop.flink;

import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.connectors.kinesis.serialization.KinesisDeserializationSchema;

/** The same as {@link Lines}, for the source that Flink had before. */
final class LinesBefore implements KinesisDeserializationSchema<String> {
  @Override
  public String deserialize(
      byte[] data, String partitionKey, String sequenceNumber, long arrivalMs, String stream, String shardId) {
    return Lines.line(shardId, sequenceNumber, partitionKey, new String(data, StandardCharsets.UTF_8));
  }

  @Override
  public TypeInformation<String> getProducedType() {
    return TypeInformation.of(String.class);
  }
}
