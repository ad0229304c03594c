package io.millrace.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.SdkField;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.core.protocol.MarshallingType;
import software.amazon.awssdk.core.traits.ListTrait;
import software.amazon.awssdk.core.traits.MapTrait;
import software.amazon.awssdk.core.util.SdkAutoConstructList;
import software.amazon.awssdk.core.util.SdkAutoConstructMap;
import software.amazon.awssdk.utils.builder.Buildable;

/**
 * JSON to the SDK's model objects and back, by the fields that every model object lists about
 * itself; so one mapping serves all operations. Members that an answer did not have stay absent.
 */
final class Values {
  private static final JsonNodeFactory NODES = new ObjectMapper().getNodeFactory();

  private Values() {}

  /** Sets every member of {@code input} on the builder. Throws for a member that the SDK does not know. */
  static void fill(SdkPojo builder, JsonNode input) {
    Map<String, SdkField<?>> fields = new LinkedHashMap<>();
    for (SdkField<?> field : builder.sdkFields()) fields.put(field.memberName(), field);
    input
        .fields()
        .forEachRemaining(
            member -> {
              SdkField<?> field = fields.get(member.getKey());
              if (field == null) {
                throw new UnknownToSdk("member " + member.getKey());
              }
              field.set(builder, fromJson(field, member.getValue()));
            });
  }

  static ObjectNode toJson(SdkPojo pojo) {
    ObjectNode object = NODES.objectNode();
    for (SdkField<?> field : pojo.sdkFields()) {
      Object value = field.getValueOrDefault(pojo);
      boolean absent =
          value == null || value instanceof SdkAutoConstructList || value instanceof SdkAutoConstructMap;
      if (!absent) object.set(field.memberName(), node(value));
    }
    return object;
  }

  private static Object fromJson(SdkField<?> field, JsonNode value) {
    MarshallingType<?> type = field.marshallingType();
    if (value.isNull()) return null;
    if (type == MarshallingType.STRING) return value.asText();
    if (type == MarshallingType.INTEGER) return value.intValue();
    if (type == MarshallingType.LONG) return value.longValue();
    if (type == MarshallingType.BOOLEAN) return value.booleanValue();
    if (type == MarshallingType.INSTANT) return Instant.ofEpochMilli(value.get("$ms").longValue());
    if (type == MarshallingType.SDK_BYTES) {
      return SdkBytes.fromByteArrayUnsafe(Base64.getDecoder().decode(value.get("$blob").asText()));
    }
    if (type == MarshallingType.SDK_POJO) {
      SdkPojo builder = field.constructor().get();
      fill(builder, value);
      return ((Buildable) builder).build();
    }
    if (type == MarshallingType.LIST) {
      SdkField<?> member = field.getTrait(ListTrait.class).memberFieldInfo();
      List<Object> list = new ArrayList<>();
      value.forEach(element -> list.add(fromJson(member, element)));
      return list;
    }
    if (type == MarshallingType.MAP) {
      SdkField<?> member = field.getTrait(MapTrait.class).valueFieldInfo();
      Map<String, Object> map = new LinkedHashMap<>();
      value.fields().forEachRemaining(entry -> map.put(entry.getKey(), fromJson(member, entry.getValue())));
      return map;
    }
    throw new IllegalArgumentException("no mapping for " + field.memberName() + " of type " + type);
  }

  private static JsonNode node(Object value) {
    if (value instanceof String text) return NODES.textNode(text);
    if (value instanceof Integer number) return NODES.numberNode(number);
    if (value instanceof Long number) return NODES.numberNode(number);
    if (value instanceof Boolean truth) return NODES.booleanNode(truth);
    if (value instanceof Instant instant) {
      return NODES.objectNode().put("$ms", instant.toEpochMilli());
    }
    if (value instanceof SdkBytes bytes) {
      return NODES.objectNode().put("$blob", Base64.getEncoder().encodeToString(bytes.asByteArrayUnsafe()));
    }
    if (value instanceof SdkPojo pojo) return toJson(pojo);
    if (value instanceof Collection<?> list) {
      ArrayNode array = NODES.arrayNode();
      list.forEach(element -> array.add(node(element)));
      return array;
    }
    if (value instanceof Map<?, ?> map) {
      ObjectNode object = NODES.objectNode();
      map.forEach((key, element) -> object.set((String) key, node(element)));
      return object;
    }
    throw new IllegalArgumentException("no mapping for a " + value.getClass().getName());
  }
}
