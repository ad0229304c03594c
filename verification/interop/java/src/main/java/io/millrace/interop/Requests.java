package io.millrace.interop;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.concurrent.CompletableFuture;
import software.amazon.awssdk.awscore.AwsRequest;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;

/** Finds the SDK's request class and client method of an operation by the operation's name. */
final class Requests {
  private static final String MODEL = "software.amazon.awssdk.services.kinesis.model.";

  private Requests() {}

  static AwsRequest.Builder of(String operation, JsonNode input) throws ReflectiveOperationException {
    Class<?> type = typeOf(operation);
    AwsRequest.Builder builder = (AwsRequest.Builder) type.getMethod("builder").invoke(null);
    Values.fill((SdkPojo) builder, input);
    return builder;
  }

  private static Class<?> typeOf(String operation) {
    try {
      return Class.forName(MODEL + operation + "Request");
    } catch (ClassNotFoundException unknown) {
      throw new UnknownToSdk("operation " + operation);
    }
  }

  static CompletableFuture<? extends SdkPojo> send(
      KinesisAsyncClient client, String operation, AwsRequest request) throws Exception {
    String name = Character.toLowerCase(operation.charAt(0)) + operation.substring(1);
    Method method = KinesisAsyncClient.class.getMethod(name, request.getClass());
    try {
      @SuppressWarnings("unchecked")
      CompletableFuture<? extends SdkPojo> answer =
          (CompletableFuture<? extends SdkPojo>) method.invoke(client, request);
      return answer;
    } catch (InvocationTargetException wrapped) {
      if (wrapped.getCause() instanceof Exception cause) throw cause;
      throw wrapped;
    }
  }
}
