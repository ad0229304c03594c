package io.millrace.interop.flink;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kinesis.source.serialization.KinesisDeserializationSchema;
import org.apache.flink.kinesis.shaded.software.amazon.awssdk.services.kinesis.model.Record;
import org.apache.flink.util.Collector;

/** A record as "shard sequence-number key data". */
final class Lines implements KinesisDeserializationSchema<String> {
  @Override
  public void deserialize(Record record, String stream, String shardId, Collector<String> out) {
    out.collect(line(shardId, record.sequenceNumber(), record.partitionKey(), record.data().asUtf8String()));
  }

  static String line(String shardId, String sequenceNumber, String partitionKey, String data) {
    return String.join(" ", shardId, sequenceNumber, partitionKey, data);
  }

  @Override
  public TypeInformation<String> getProducedType() {
    return TypeInformation.of(String.class);
  }
}
