package io.millrace.interop.kpl;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.kinesis.producer.Attempt;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordFailedException;
import software.amazon.kinesis.producer.UserRecordResult;

/**
 * The KPL as its guide writes it: an endpoint for Kinesis and one for CloudWatch is what is set for Millrace. It puts what standard
 * input asks for, and tells on standard output what has become of it; it ends when standard input does.
 *
 * <p>{@code put FIRST COUNT BYTES KEYS PACE} puts the user records FIRST to FIRST + COUNT − 1: the key of record i is {@code user-}
 * and i modulo KEYS, its data BYTES long, i with filling behind it. PACE is records per second, and 0 as fast as the KPL takes them.
 */
final class Producer {
  /** The guide leaves it to the program to hold back: the KPL takes over what it is given until the memory is full. */
  private static final int OUTSTANDING_RECORDS_MAX = 100_000;

  private final PrintStream output =
      new PrintStream(new java.io.BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8);
  private final KinesisProducer kinesis;
  private final String stream;
  private final boolean isTellingEach;

  private Producer(KinesisProducerConfiguration configuration, String stream, boolean isTellingEach) {
    this.kinesis = new KinesisProducer(configuration);
    this.stream = stream;
    this.isTellingEach = isTellingEach;
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length < 4) {
      System.err.println("usage: ENDPOINT REGION STREAM each|sums [SETTING=VALUE …]");
      System.exit(2);
    }
    URI endpoint = URI.create(arguments[0]);
    // The settings of the KPL have the names that its properties file has.
    StringBuilder settings = new StringBuilder();
    for (String setting : Arrays.asList(arguments).subList(4, arguments.length)) settings.append(setting).append('\n');
    java.nio.file.Path file = java.nio.file.Files.createTempFile("millrace-kpl", ".properties");
    java.nio.file.Files.writeString(file, settings);
    KinesisProducerConfiguration configuration = KinesisProducerConfiguration.fromPropertiesFile(file.toString());
    java.nio.file.Files.delete(file);
    configuration
        .setRegion(arguments[1])
        .setKinesisEndpoint(endpoint.getHost())
        .setKinesisPort(endpoint.getPort())
        .setCloudwatchEndpoint(endpoint.getHost())
        .setCloudwatchPort(endpoint.getPort())
        .setCredentialsProvider(
            StaticCredentialsProvider.create(AwsBasicCredentials.create("000000000000", "secret")));
    new Producer(configuration, arguments[2], arguments[3].equals("each")).run();
    System.exit(0);
  }

  private void run() throws Exception {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    tell("ready");
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String[] words = line.split(" ");
      if (!words[0].equals("put")) throw new IllegalArgumentException(line);
      put(
          Integer.parseInt(words[1]),
          Integer.parseInt(words[2]),
          Integer.parseInt(words[3]),
          Integer.parseInt(words[4]),
          Integer.parseInt(words[5]));
    }
    kinesis.flushSync();
    kinesis.destroy();
  }

  private void put(int first, int count, int sizeBytes, int keyCount, int pace) throws InterruptedException {
    byte[] filling = " ".concat("x".repeat(sizeBytes)).getBytes(StandardCharsets.ISO_8859_1);
    long[] latenciesNs = new long[count];
    CountDownLatch outcomes = new CountDownLatch(count);
    AtomicInteger storedCount = new AtomicInteger();
    AtomicLong attemptCount = new AtomicLong();
    long beganNs = System.nanoTime();
    for (int at = 0; at < count; at += 1) {
      int index = at;
      int number = first + at;
      if (pace > 0) waitUntil(beganNs + at * 1_000_000_000L / pace);
      while (kinesis.getOutstandingRecordsCount() >= OUTSTANDING_RECORDS_MAX) Thread.sleep(1);
      byte[] data = new byte[sizeBytes];
      byte[] digits = Integer.toString(number).getBytes(StandardCharsets.ISO_8859_1);
      System.arraycopy(digits, 0, data, 0, Math.min(digits.length, sizeBytes));
      if (digits.length < sizeBytes) System.arraycopy(filling, 0, data, digits.length, sizeBytes - digits.length);
      long addedNs = System.nanoTime();
      Futures.addCallback(
          kinesis.addUserRecord(stream, "user-" + number % keyCount, ByteBuffer.wrap(data)),
          new FutureCallback<>() {
            @Override
            public void onSuccess(UserRecordResult result) {
              latenciesNs[index] = System.nanoTime() - addedNs;
              storedCount.incrementAndGet();
              attemptCount.addAndGet(result.getAttempts().size());
              if (isTellingEach) tellStored(number, result);
              outcomes.countDown();
            }

            @Override
            public void onFailure(Throwable failure) {
              latenciesNs[index] = System.nanoTime() - addedNs;
              tell("failed " + number + " " + reasonOf(failure));
              outcomes.countDown();
            }
          },
          MoreExecutors.directExecutor());
    }
    outcomes.await();
    double tookMs = (System.nanoTime() - beganNs) / 1e6;
    Arrays.sort(latenciesNs);
    tell(
        String.format(
            Locale.ROOT,
            "done {\"storedCount\":%d,\"attemptCount\":%d,\"tookMs\":%.3f,\"p50Ms\":%.3f,\"p99Ms\":%.3f}",
            storedCount.get(),
            attemptCount.get(),
            tookMs,
            latenciesNs[count / 2] / 1e6,
            latenciesNs[(int) Math.min(count - 1L, count * 99L / 100)] / 1e6));
  }

  private void tellStored(int number, UserRecordResult result) {
    StringBuilder errors = new StringBuilder();
    for (Attempt attempt : result.getAttempts()) {
      if (!attempt.isSuccessful()) errors.append(' ').append(attempt.getErrorCode().replace(' ', '-'));
    }
    synchronized (output) {
      output.println("stored " + number + " " + result.getShardId() + " " + result.getSequenceNumber() + errors);
    }
  }

  private static String reasonOf(Throwable failure) {
    if (!(failure instanceof UserRecordFailedException refused)) return failure.toString();
    StringBuilder reasons = new StringBuilder();
    for (Attempt attempt : refused.getResult().getAttempts()) {
      reasons.append(attempt.getErrorCode()).append(": ").append(attempt.getErrorMessage()).append("; ");
    }
    return reasons.toString();
  }

  private static void waitUntil(long atNs) throws InterruptedException {
    for (long leftNs = atNs - System.nanoTime(); leftNs > 0; leftNs = atNs - System.nanoTime()) {
      Thread.sleep(Math.max(1, leftNs / 1_000_000));
    }
  }

  private void tell(String line) {
    synchronized (output) {
      output.println(line);
      output.flush();
    }
  }
}
