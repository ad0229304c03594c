package io.millrace.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;
import software.amazon.awssdk.awscore.AwsRequest;
import software.amazon.awssdk.awscore.AwsRequestOverrideConfiguration;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEventStream;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardRequest;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/**
 * Lends the AWS SDK for Java to another process: JSON lines on standard input and output.
 *
 * <p>Requests: {@code {id, accessKeyId?, operation, input}} and {@code {cancel: id}}. Answers:
 * {@code {id, output}} or {@code {id, error: {code, message, status}}}. A subscription answers its
 * output first, then {@code {id, event}} for each event and {@code {id, end: true}} or an error.
 * Blobs are written {@code {"$blob": base64}}, timestamps {@code {"$ms": epoch milliseconds}}.
 *
 * <p>The program ends when its standard input does.
 */
public final class Bridge {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final PrintStream out;
  private final Clients clients;
  private final Map<Long, Subscription> subscriptions = new ConcurrentHashMap<>();

  private Bridge(PrintStream out, Clients clients) {
    this.out = out;
    this.clients = clients;
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 2) {
      System.err.println("usage: java -jar millrace-interop.jar ENDPOINT REGION");
      System.exit(2);
    }
    PrintStream out =
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    // A library that prints must not break into the middle of an answer.
    System.setOut(System.err);
    try (Clients clients = new Clients(URI.create(arguments[0]), arguments[1])) {
      new Bridge(out, clients).serve();
    }
    System.exit(0);
  }

  private void serve() throws Exception {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode request = JSON.readTree(line);
      if (request.has("cancel")) {
        Subscription subscription = subscriptions.remove(request.get("cancel").asLong());
        if (subscription != null) subscription.cancel();
      } else {
        perform(request);
      }
    }
  }

  private void perform(JsonNode request) {
    long id = request.get("id").asLong();
    String operation = request.get("operation").asText();
    try {
      AwsRequest.Builder builder = Requests.of(operation, request.path("input"));
      if (request.hasNonNull("accessKeyId")) {
        builder.overrideConfiguration(
            AwsRequestOverrideConfiguration.builder()
                .credentialsProvider(Clients.credentials(request.get("accessKeyId").asText()))
                .build());
      }
      if (operation.equals("SubscribeToShard")) {
        subscribe(id, (SubscribeToShardRequest) builder.build());
      } else {
        Requests.send(clients.kinesis(), operation, builder.build())
            .whenComplete(
                (response, failure) -> {
                  if (failure == null) answer(id, "output", Values.toJson(response));
                  else fail(id, failure);
                });
      }
    } catch (Exception failure) {
      fail(id, failure);
    }
  }

  private void subscribe(long id, SubscribeToShardRequest request) {
    AtomicBoolean over = new AtomicBoolean();
    SubscribeToShardResponseHandler handler =
        SubscribeToShardResponseHandler.builder()
            .onResponse(response -> answer(id, "output", JSON.createObjectNode()))
            .onEventStream(
                publisher ->
                    publisher.subscribe(
                        new Subscriber<SubscribeToShardEventStream>() {
                          @Override
                          public void onSubscribe(Subscription subscription) {
                            subscriptions.put(id, subscription);
                            subscription.request(Long.MAX_VALUE);
                          }

                          @Override
                          public void onNext(SubscribeToShardEventStream event) {
                            if (event instanceof SubscribeToShardEvent records) {
                              answer(id, "event", Values.toJson(records));
                            }
                          }

                          @Override
                          public void onError(Throwable failure) {
                            if (over.compareAndSet(false, true)) fail(id, failure);
                          }

                          @Override
                          public void onComplete() {
                            if (over.compareAndSet(false, true)) {
                              answer(id, "end", JSON.getNodeFactory().booleanNode(true));
                            }
                          }
                        }))
            // The subscriber hears of failures after the response, this handler also of those before.
            .onError(
                failure -> {
                  if (over.compareAndSet(false, true)) fail(id, failure);
                })
            .build();
    clients
        .kinesis()
        .subscribeToShard(request, handler)
        .whenComplete(
            (nothing, failure) -> {
              subscriptions.remove(id);
              if (over.compareAndSet(false, true)) {
                if (failure == null) answer(id, "end", JSON.getNodeFactory().booleanNode(true));
                else fail(id, failure);
              }
            });
  }

  private void fail(long id, Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) cause = cause.getCause();
    ObjectNode error = JSON.createObjectNode();
    if (cause instanceof AwsServiceException refused && refused.awsErrorDetails() != null) {
      error.put("code", refused.awsErrorDetails().errorCode());
      error.put("message", refused.awsErrorDetails().errorMessage());
      error.put("status", refused.statusCode());
    } else {
      error.put("code", cause.getClass().getSimpleName());
      error.put("message", String.valueOf(cause.getMessage()));
      error.put("status", 0);
    }
    answer(id, "error", error);
  }

  private synchronized void answer(long id, String member, JsonNode value) {
    ObjectNode line = JSON.createObjectNode();
    line.put("id", id);
    line.set(member, value);
    out.println(line);
    out.flush();
  }
}
