package io.millrace.interop;

import java.net.URI;
import java.time.Duration;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.SdkHttpConfigurationOption;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.utils.AttributeMap;

/**
 * The clients as applications make them: asynchronous, on Netty, HTTP/2 (prior knowledge on
 * {@code http://} endpoints), CBOR bodies. Nothing is retried, so that every answer is seen as sent.
 */
final class Clients implements AutoCloseable {
  private final KinesisAsyncClient kinesis;

  Clients(URI endpoint, String region) {
    AttributeMap trust =
        AttributeMap.builder()
            // A server with a certificate that it signed itself is the normal case in a test.
            .put(SdkHttpConfigurationOption.TRUST_ALL_CERTIFICATES, isLoopback(endpoint))
            .build();
    kinesis =
        KinesisAsyncClient.builder()
            .endpointOverride(endpoint)
            .region(Region.of(region))
            .credentialsProvider(
                isLoopback(endpoint)
                    ? credentials("000000000000")
                    : DefaultCredentialsProvider.builder().build())
            .httpClient(
                NettyNioAsyncHttpClient.builder()
                    .protocol(Protocol.HTTP2)
                    .maxConcurrency(200)
                    .readTimeout(Duration.ofMinutes(6))
                    .connectionTimeout(Duration.ofSeconds(10))
                    .buildWithDefaults(trust))
            .overrideConfiguration(
                configuration -> configuration.retryStrategy(retries -> retries.maxAttempts(1)))
            .build();
  }

  static AwsCredentialsProvider credentials(String accessKeyId) {
    return StaticCredentialsProvider.create(AwsBasicCredentials.create(accessKeyId, "secret"));
  }

  KinesisAsyncClient kinesis() {
    return kinesis;
  }

  private static boolean isLoopback(URI endpoint) {
    return endpoint.getHost().equals("127.0.0.1") || endpoint.getHost().equals("localhost");
  }

  @Override
  public void close() {
    kinesis.close();
  }
}
