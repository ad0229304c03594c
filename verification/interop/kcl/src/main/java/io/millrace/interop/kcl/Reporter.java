package io.millrace.interop.kcl;

import java.nio.charset.StandardCharsets;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;

/** Tells of every record and of every turn of a shard's life, with the time, and checkpoints after each batch. */
final class Reporter implements ShardRecordProcessor {
  private String shardId = "";

  static synchronized void tell(String line) {
    System.out.println(System.currentTimeMillis() + " " + line);
    System.out.flush();
  }

  @Override
  public void initialize(InitializationInput input) {
    shardId = input.shardId();
    tell("initialize " + shardId + " " + input.extendedSequenceNumber().sequenceNumber());
  }

  @Override
  public void processRecords(ProcessRecordsInput input) {
    input
        .records()
        .forEach(
            record ->
                tell(
                    String.join(
                        " ",
                        "record",
                        shardId,
                        record.sequenceNumber(),
                        record.partitionKey(),
                        StandardCharsets.UTF_8.decode(record.data()).toString())));
    if (!input.records().isEmpty()) checkpoint(input.checkpointer());
  }

  @Override
  public void leaseLost(LeaseLostInput input) {
    tell("leaseLost " + shardId);
  }

  @Override
  public void shardEnded(ShardEndedInput input) {
    tell("shardEnded " + shardId);
    checkpoint(input.checkpointer());
  }

  @Override
  public void shutdownRequested(ShutdownRequestedInput input) {
    tell("shutdownRequested " + shardId);
    checkpoint(input.checkpointer());
  }

  private void checkpoint(RecordProcessorCheckpointer checkpointer) {
    try {
      checkpointer.checkpoint();
      tell("checkpoint " + shardId);
    } catch (InvalidStateException | ShutdownException error) {
      tell("no checkpoint " + shardId + " " + error);
    }
  }
}
