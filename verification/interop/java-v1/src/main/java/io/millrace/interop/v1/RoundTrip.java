package io.millrace.interop.v1;

import com.amazonaws.ClientConfiguration;
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.kinesis.AmazonKinesis;
import com.amazonaws.services.kinesis.AmazonKinesisClientBuilder;
import com.amazonaws.services.kinesis.model.GetRecordsRequest;
import com.amazonaws.services.kinesis.model.GetRecordsResult;
import com.amazonaws.services.kinesis.model.ListShardsRequest;
import com.amazonaws.services.kinesis.model.PutRecordRequest;
import com.amazonaws.services.kinesis.model.PutRecordsRequest;
import com.amazonaws.services.kinesis.model.PutRecordsRequestEntry;
import com.amazonaws.services.kinesis.model.PutRecordsResult;
import com.amazonaws.services.kinesis.model.Record;
import com.amazonaws.services.kinesis.model.ResourceNotFoundException;
import com.amazonaws.services.kinesis.model.Shard;
import com.amazonaws.services.kinesis.model.ShardIteratorType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;

/**
 * What Amazon's Kinesis Agent does with the first AWS SDK for Java, which speaks CBOR: batches of up to 500 records. They
 * are read again, and each has to come back byte for byte, in the place that its put was told. Ends with 0 when all of it is so.
 */
final class RoundTrip {
  private static final int BATCHES = 4;
  private static final int BATCH_RECORDS = 500;

  private RoundTrip() {}

  public static void main(String[] arguments) {
    if (arguments.length != 3) {
      System.err.println("usage: ENDPOINT REGION STREAM");
      System.exit(2);
    }
    AmazonKinesis kinesis =
        AmazonKinesisClientBuilder.standard()
            .withEndpointConfiguration(new EndpointConfiguration(arguments[0], arguments[1]))
            .withCredentials(
                new AWSStaticCredentialsProvider(new BasicAWSCredentials("000000000000", "secret")))
            .withClientConfiguration(new ClientConfiguration().withMaxErrorRetry(0))
            .build();
    String stream = arguments[2];

    Map<String, String> put = new HashMap<>();
    for (int batch = 0; batch < BATCHES; batch += 1) putBatch(kinesis, stream, batch, put);
    byte[] lone = "grün & < > \u0000 \u2028".getBytes(StandardCharsets.UTF_8);
    var placed =
        kinesis.putRecord(
            new PutRecordRequest()
                .withStreamName(stream)
                .withPartitionKey("schlüssel")
                .withData(ByteBuffer.wrap(lone)));
    put.put(place(placed.getShardId(), placed.getSequenceNumber()), content("schlüssel", ByteBuffer.wrap(lone)));

    Map<String, String> read = new HashMap<>();
    for (Shard shard : kinesis.listShards(new ListShardsRequest().withStreamName(stream)).getShards()) {
      readShard(kinesis, stream, shard.getShardId(), read);
    }
    check(put.size() == BATCHES * BATCH_RECORDS + 1, "every record has a place of its own: " + put.size());
    check(put.equals(read), "what was put is what is read: " + read.size() + " of " + put.size());
    System.out.println("  " + read.size() + " records came back as they were put");

    try {
      kinesis.putRecord(
          new PutRecordRequest().withStreamName("none").withPartitionKey("a").withData(ByteBuffer.wrap(lone)));
      check(false, "a stream that is not there is an error");
    } catch (ResourceNotFoundException error) {
      check("ResourceNotFoundException".equals(error.getErrorCode()), error.getErrorCode());
      check(error.getStatusCode() == 400, "status " + error.getStatusCode());
      System.out.println("  errors have their types: " + error.getErrorMessage());
    }
  }

  private static void putBatch(AmazonKinesis kinesis, String stream, int batch, Map<String, String> put) {
    List<PutRecordsRequestEntry> entries = new ArrayList<>();
    for (int at = 0; at < BATCH_RECORDS; at += 1) {
      byte[] data = new byte[(batch * BATCH_RECORDS + at) % 1_500];
      for (int index = 0; index < data.length; index += 1) data[index] = (byte) (index * 31 + at);
      entries.add(
          new PutRecordsRequestEntry().withPartitionKey("key-" + at % 37).withData(ByteBuffer.wrap(data)));
    }
    PutRecordsResult result =
        kinesis.putRecords(new PutRecordsRequest().withStreamName(stream).withRecords(entries));
    check(result.getFailedRecordCount() == 0, "no record fails");
    for (int at = 0; at < BATCH_RECORDS; at += 1) {
      var placed = result.getRecords().get(at);
      PutRecordsRequestEntry entry = entries.get(at);
      put.put(
          place(placed.getShardId(), placed.getSequenceNumber()),
          content(entry.getPartitionKey(), entry.getData()));
    }
  }

  private static void readShard(AmazonKinesis kinesis, String stream, String shardId, Map<String, String> read) {
    String iterator =
        kinesis.getShardIterator(stream, shardId, ShardIteratorType.TRIM_HORIZON.toString()).getShardIterator();
    for (; ; ) {
      GetRecordsResult page =
          kinesis.getRecords(new GetRecordsRequest().withShardIterator(iterator).withLimit(300));
      for (Record record : page.getRecords()) {
        check(
            Math.abs(record.getApproximateArrivalTimestamp().getTime() - System.currentTimeMillis()) < 600_000,
            "records arrived just now");
        read.put(place(shardId, record.getSequenceNumber()), content(record.getPartitionKey(), record.getData()));
      }
      if (page.getMillisBehindLatest() == 0) return;
      iterator = page.getNextShardIterator();
    }
  }

  private static String place(String shardId, String sequenceNumber) {
    return shardId + " " + sequenceNumber;
  }

  private static String content(String partitionKey, ByteBuffer data) {
    CRC32 sum = new CRC32();
    sum.update(data.duplicate());
    return partitionKey + " " + data.remaining() + " " + sum.getValue();
  }

  private static void check(boolean isSo, String what) {
    if (!isSo) throw new AssertionError(what);
  }
}
