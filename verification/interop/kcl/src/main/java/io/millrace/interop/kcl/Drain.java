package io.millrace.interop.kcl;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.MetricsLevel;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * Reads a stream from its beginning, as fast as it can, and says what that cost this process: one line of JSON, when so many user
 * records have come. What was before the warm-up's end, the start of the JVM and most of its compiling, does not count.
 */
final class Drain {
  private static final long CHECKPOINT_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private final long warmUpCount;
  private final long recordCount;
  private final CountDownLatch isOver = new CountDownLatch(1);
  private long count;
  private long sizeBytes;
  private long warmCount;
  private long warmNanos;
  private long warmCpuNanos;

  private Drain(long warmUpCount, long recordCount) {
    this.warmUpCount = warmUpCount;
    this.recordCount = recordCount;
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 6) {
      System.err.println("usage: ENDPOINT REGION STREAM APPLICATION WARM-UP-COUNT RECORD-COUNT");
      System.exit(2);
    }
    new Drain(Long.parseLong(arguments[4]), Long.parseLong(arguments[5]))
        .run(URI.create(arguments[0]), Region.of(arguments[1]), arguments[2], arguments[3]);
    System.exit(0);
  }

  private void run(URI endpoint, Region region, String stream, String application) throws InterruptedException {
    KinesisAsyncClient kinesis =
        KinesisClientUtil.createKinesisAsyncClient(Worker.at(KinesisAsyncClient.builder(), endpoint, region));
    ConfigsBuilder configs =
        new ConfigsBuilder(
            new SingleStreamTracker(
                stream,
                InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)),
            application,
            kinesis,
            Worker.at(DynamoDbAsyncClient.builder(), endpoint, region).build(),
            Worker.at(CloudWatchAsyncClient.builder(), endpoint, region).build(),
            "drain",
            Counter::new);
    Scheduler scheduler =
        new Scheduler(
            configs.checkpointConfig(),
            configs.coordinatorConfig(),
            configs.leaseManagementConfig(),
            configs.lifecycleConfig(),
            configs.metricsConfig().metricsLevel(MetricsLevel.NONE),
            configs.processorConfig(),
            configs
                .retrievalConfig()
                // The shortest pause that it takes, and its largest answers.
                .retrievalSpecificConfig(
                    new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(200).maxRecords(10_000)));
    Thread running = new Thread(scheduler, "scheduler");
    running.setDaemon(true);
    running.start();
    isOver.await();
  }

  private synchronized void counted(int records, long bytes) {
    count += records;
    sizeBytes += bytes;
    long nanos = System.nanoTime();
    if (warmCount == 0 && count >= warmUpCount) {
      warmCount = count;
      warmNanos = nanos;
      warmCpuNanos = SYSTEM.getProcessCpuTime();
    }
    if (count < recordCount || isOver.getCount() == 0) return;
    System.out.printf(
        "{\"recordCount\":%d,\"sizeBytes\":%d,\"measuredCount\":%d,\"cpuMs\":%d,\"tookMs\":%d}%n",
        count,
        sizeBytes,
        count - warmCount,
        (SYSTEM.getProcessCpuTime() - warmCpuNanos) / 1_000_000,
        (nanos - warmNanos) / 1_000_000);
    System.out.flush();
    isOver.countDown();
  }

  private final class Counter implements ShardRecordProcessor {
    private long checkpointedNanos = System.nanoTime();

    @Override
    public void initialize(InitializationInput input) {}

    @Override
    public void processRecords(ProcessRecordsInput input) {
      long bytes = 0;
      for (KinesisClientRecord record : input.records()) bytes += record.data().remaining();
      counted(input.records().size(), bytes);
      if (System.nanoTime() - checkpointedNanos < CHECKPOINT_INTERVAL_NANOS) return;
      checkpointedNanos = System.nanoTime();
      try {
        input.checkpointer().checkpoint();
      } catch (InvalidStateException | ShutdownException error) {
        throw new IllegalStateException(error);
      }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {}

    @Override
    public void shardEnded(ShardEndedInput input) {}

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {}
  }
}
