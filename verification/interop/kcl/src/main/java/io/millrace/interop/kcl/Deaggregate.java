package io.millrace.interop.kcl;

import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.math.BigInteger;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ExecutionException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.HashKeyRange;
import software.amazon.awssdk.services.kinesis.model.ProvisionedThroughputExceededException;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.kinesis.retrieval.AggregatorUtil;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

/**
 * Every user record of a stream as the KCL takes them out of what is stored: a line {@code shard sequence-number sub-sequence-number
 * key explicit-hash-key data} for each, key and data in base64, "-" for what is not there.
 */
final class Deaggregate {
  private Deaggregate() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 3) {
      System.err.println("usage: ENDPOINT REGION STREAM");
      System.exit(2);
    }
    KinesisAsyncClient kinesis =
        KinesisAsyncClient.builder()
            .endpointOverride(URI.create(arguments[0]))
            .region(Region.of(arguments[1]))
            .credentialsProvider(
                StaticCredentialsProvider.create(AwsBasicCredentials.create("000000000000", "secret")))
            .build();
    PrintStream output = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8);
    String stream = arguments[2];
    for (Shard shard : kinesis.listShards(request -> request.streamName(stream)).get().shards()) {
      readShard(kinesis, stream, shard, output);
    }
    output.flush();
    System.exit(0);
  }

  private static void readShard(KinesisAsyncClient kinesis, String stream, Shard shard, PrintStream output)
      throws Exception {
    AggregatorUtil aggregator = new AggregatorUtil();
    HashKeyRange range = shard.hashKeyRange();
    String iterator =
        kinesis
            .getShardIterator(
                request ->
                    request
                        .streamName(stream)
                        .shardId(shard.shardId())
                        .shardIteratorType(ShardIteratorType.TRIM_HORIZON))
            .get()
            .shardIterator();
    while (iterator != null) {
      GetRecordsResponse page = nextPage(kinesis, iterator);
      List<KinesisClientRecord> stored = page.records().stream().map(KinesisClientRecord::fromRecord).toList();
      for (KinesisClientRecord record :
          aggregator.deaggregate(
              stored, new BigInteger(range.startingHashKey()), new BigInteger(range.endingHashKey()))) {
        output.println(
            String.join(
                " ",
                shard.shardId(),
                record.sequenceNumber(),
                String.valueOf(record.subSequenceNumber()),
                base64(ByteBuffer.wrap(record.partitionKey().getBytes(StandardCharsets.UTF_8))),
                record.explicitHashKey() == null ? "-" : record.explicitHashKey(),
                base64(record.data())));
      }
      iterator = page.millisBehindLatest() == 0 ? null : page.nextShardIterator();
    }
  }

  /** A shard gives five pages and 2 MB a second; what is more is asked for again, as the KCL does. */
  private static GetRecordsResponse nextPage(KinesisAsyncClient kinesis, String iterator) throws Exception {
    for (; ; ) {
      try {
        return kinesis.getRecords(request -> request.shardIterator(iterator)).get();
      } catch (ExecutionException error) {
        if (!(error.getCause() instanceof ProvisionedThroughputExceededException)) throw error;
        Thread.sleep(250);
      }
    }
  }

  private static String base64(ByteBuffer bytes) {
    byte[] copied = new byte[bytes.remaining()];
    bytes.duplicate().get(copied);
    return copied.length == 0 ? "-" : Base64.getEncoder().encodeToString(copied);
  }
}
