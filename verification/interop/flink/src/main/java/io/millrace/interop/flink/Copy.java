package io.millrace.interop.flink;

import java.io.IOException;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.restartstrategy.RestartStrategies;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kinesis.sink.KinesisStreamsSink;
import org.apache.flink.connector.kinesis.source.KinesisStreamsSource;
import org.apache.flink.connector.kinesis.source.config.KinesisStreamsSourceConfigConstants;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.connectors.kinesis.FlinkKinesisConsumer;

/**
 * A job that copies one stream to another, as Flink's guide writes it, with a whole Flink in this process: an endpoint is all that
 * is set for Millrace. It counts the records of each shard in state that is checkpointed, fails once between two checkpoints, and
 * goes on from the last one. It ends when standard input does.
 */
final class Copy {
  private static final int PARALLELISM = 2;
  private static final long CHECKPOINT_INTERVAL_MS = 1_000;
  private static final long DISCOVERY_INTERVAL_MS = 1_000;

  private Copy() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 6) {
      System.err.println("usage: ENDPOINT REGION SOURCE-ARN SINK polling|polling-before|fan-out FAILS-AFTER-RECORDS");
      System.exit(2);
    }
    Properties access = access(arguments[0], arguments[1]);
    String sourceArn = arguments[2];

    StreamExecutionEnvironment flink = StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM);
    flink.enableCheckpointing(CHECKPOINT_INTERVAL_MS, CheckpointingMode.EXACTLY_ONCE);
    flink.setRestartStrategy(RestartStrategies.fixedDelayRestart(3, 100));

    read(flink, access, sourceArn, arguments[4])
        .keyBy(line -> line.substring(0, line.indexOf(' ')))
        .process(new Count(Integer.parseInt(arguments[5])))
        .sinkTo(
            KinesisStreamsSink.<String>builder()
                .setStreamName(arguments[3])
                .setKinesisClientProperties(access)
                .setSerializationSchema(new SimpleStringSchema())
                .setPartitionKeyGenerator(line -> line.substring(0, line.indexOf(' ')))
                .build());
    JobClient job = flink.executeAsync("copy");
    untilInputEnds();
    job.cancel().get();
    System.out.println("stopped");
    System.exit(0);
  }

  /** With `polling` Flink's source, with the two others the one that it had before, which can fan-out, too. */
  private static DataStream<String> read(
      StreamExecutionEnvironment flink, Properties access, String sourceArn, String way) {
    if (way.equals("polling")) {
      Configuration config = new Configuration();
      access.stringPropertyNames().forEach(name -> config.setString(name, access.getProperty(name)));
      config.set(
          KinesisStreamsSourceConfigConstants.STREAM_INITIAL_POSITION,
          KinesisStreamsSourceConfigConstants.InitialPosition.TRIM_HORIZON);
      config.set(KinesisStreamsSourceConfigConstants.SHARD_DISCOVERY_INTERVAL_MILLIS, DISCOVERY_INTERVAL_MS);
      return flink.fromSource(
          KinesisStreamsSource.<String>builder()
              .setStreamArn(sourceArn)
              .setSourceConfig(config)
              .setDeserializationSchema(new Lines())
              .build(),
          WatermarkStrategy.noWatermarks(),
          "source",
          // This version of the source does not say what it produces.
          Types.STRING);
    }
    Properties properties = new Properties();
    properties.putAll(access);
    properties.setProperty("flink.stream.initpos", "TRIM_HORIZON");
    properties.setProperty("flink.shard.discovery.intervalmillis", String.valueOf(DISCOVERY_INTERVAL_MS));
    if (way.equals("fan-out")) {
      properties.setProperty("flink.stream.recordpublisher", "EFO");
      properties.setProperty("flink.stream.efo.consumername", "flink");
    }
    String name = sourceArn.substring(sourceArn.indexOf('/') + 1);
    return flink.addSource(new FlinkKinesisConsumer<>(name, new LinesBefore(), properties));
  }

  private static Properties access(String endpoint, String region) {
    Properties access = new Properties();
    access.setProperty("aws.endpoint", endpoint);
    access.setProperty("aws.region", region);
    access.setProperty("aws.credentials.provider", "BASIC");
    access.setProperty("aws.credentials.provider.basic.accesskeyid", "000000000000");
    access.setProperty("aws.credentials.provider.basic.secretkey", "secret");
    return access;
  }

  private static void untilInputEnds() throws IOException {
    while (System.in.read() >= 0) {
      // Whatever is said, only the end matters.
    }
  }
}
