package io.millrace.interop.flink;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Puts before each line which record of its shard it is. The number is kept in state that is checkpointed together with the source's
 * place: one that was read twice after a failure, or left out, shows as two lines of one number, or as a number for two lines.
 *
 * <p>Fails once, when so many records have been counted and a checkpoint has been completed, with records behind it.
 */
final class Count extends KeyedProcessFunction<String, String, String> implements CheckpointListener {
  private static final AtomicInteger COUNTED = new AtomicInteger();
  private static final AtomicBoolean IS_CHECKPOINTED = new AtomicBoolean();
  private static final AtomicBoolean HAS_FAILED = new AtomicBoolean();

  private final int failsAfter;
  private transient ValueState<Long> count;
  private transient int sinceCheckpoint;

  Count(int failsAfter) {
    this.failsAfter = failsAfter;
  }

  @Override
  public void open(Configuration configuration) {
    count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Long.class));
  }

  @Override
  public void processElement(String line, Context context, Collector<String> out) throws Exception {
    long number = count.value() == null ? 1 : count.value() + 1;
    count.update(number);
    sinceCheckpoint += 1;
    int end = line.indexOf(' ');
    out.collect(line.substring(0, end) + " " + number + line.substring(end));
    boolean isDue = COUNTED.incrementAndGet() >= failsAfter && IS_CHECKPOINTED.get() && sinceCheckpoint > 1;
    if (isDue && HAS_FAILED.compareAndSet(false, true)) {
      System.out.println("fails");
      throw new IllegalStateException("the failure that was asked for");
    }
  }

  @Override
  public void notifyCheckpointComplete(long checkpointId) {
    sinceCheckpoint = 0;
    if (COUNTED.get() > 0 && IS_CHECKPOINTED.compareAndSet(false, true)) System.out.println("checkpointed");
  }
}
