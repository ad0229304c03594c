package io.millrace.interop.kcl;

import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URI;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * One worker of an application, as the guide of the KCL writes it: an endpoint for each of the three clients is
 * all that is set for Millrace. What happens to its shards is told on standard output; it stops gracefully when
 * standard input ends.
 */
final class Worker {
  private Worker() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 6) {
      System.err.println("usage: ENDPOINT REGION STREAM APPLICATION polling|fan-out WORKER");
      System.exit(2);
    }
    URI endpoint = URI.create(arguments[0]);
    Region region = Region.of(arguments[1]);
    String stream = arguments[2];
    KinesisAsyncClient kinesis =
        KinesisClientUtil.createKinesisAsyncClient(at(KinesisAsyncClient.builder(), endpoint, region));
    DynamoDbAsyncClient tables = at(DynamoDbAsyncClient.builder(), endpoint, region).build();
    CloudWatchAsyncClient metrics = at(CloudWatchAsyncClient.builder(), endpoint, region).build();

    ConfigsBuilder configs =
        new ConfigsBuilder(
            new SingleStreamTracker(
                stream,
                InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)),
            arguments[3],
            kinesis,
            tables,
            metrics,
            arguments[5],
            Reporter::new);
    // A test does not wait ten seconds for a lease.
    LeaseManagementConfig leaseManagement =
        configs.leaseManagementConfig().failoverTimeMillis(2_000).shardSyncIntervalMillis(2_000);
    noticeDeathsSoon(leaseManagement);
    Scheduler scheduler =
        new Scheduler(
            configs.checkpointConfig(),
            configs.coordinatorConfig(),
            leaseManagement,
            configs.lifecycleConfig(),
            configs.metricsConfig().metricsBufferTimeMillis(1_000),
            configs.processorConfig(),
            configs.retrievalConfig().retrievalSpecificConfig(retrieval(arguments[4], stream, arguments[3], kinesis)));
    Thread running = new Thread(scheduler, "scheduler");
    running.setDaemon(true);
    running.start();
    untilInputEnds();
    Reporter.tell(stopsGracefully(scheduler) ? "stopped" : "stopped, but not gracefully");
    System.exit(0);
  }

  /**
   * A leader that died is followed by another one after two minutes by default, and the leader gives leases to a worker that
   * died until two of its reports are missing, which takes one minute. A test waits for neither.
   */
  private static void noticeDeathsSoon(LeaseManagementConfig leaseManagement) throws ReflectiveOperationException {
    Object assignment;
    try {
      assignment = LeaseManagementConfig.class.getMethod("workerUtilizationAwareAssignmentConfig").invoke(leaseManagement);
    } catch (NoSuchMethodException older) {
      // The KCL 2, which this program is made with too, has no leader and no reports.
      return;
    }
    set(assignment, "workerMetricsReporterFreqInMillis", 2_000);
    set(leaseManagement, "dynamoDbLockBasedLeaderLeaseDurationInMillis", 6_000);
    set(leaseManagement, "dynamoDbLockBasedLeaderHeartbeatPeriodInMillis", 1_500);
  }

  private static void set(Object config, String name, long value) throws ReflectiveOperationException {
    config.getClass().getMethod(name, long.class).invoke(config, value);
  }

  private static RetrievalSpecificConfig retrieval(
      String way, String stream, String application, KinesisAsyncClient kinesis) {
    return way.equals("polling")
        ? new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(250)
        : new FanOutConfig(kinesis).streamName(stream).applicationName(application);
  }

  static <B extends AwsClientBuilder<B, C>, C> B at(B builder, URI endpoint, Region region) {
    AwsCredentialsProvider credentials =
        StaticCredentialsProvider.create(AwsBasicCredentials.create("000000000000", "secret"));
    return builder.endpointOverride(endpoint).region(region).credentialsProvider(credentials);
  }

  private static boolean stopsGracefully(Scheduler scheduler) throws Exception {
    try {
      return scheduler.startGracefulShutdown().get(20, TimeUnit.SECONDS);
    } catch (TimeoutException late) {
      return false;
    }
  }

  private static void untilInputEnds() throws IOException {
    while (System.in.read() >= 0) {
      // Whatever is said, only the end matters.
    }
  }
}
