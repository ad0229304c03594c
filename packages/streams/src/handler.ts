/** How an operation is written: a contract from `@millrace/api`, and a function that behaves as it says. */
import type { InputOf, Operation } from "@millrace/api";
import { ServiceError } from "@millrace/api";
import type { AnswerForm, AnswerOf, Caller, Failure, Handler } from "@millrace/wire";
import { failuresOf } from "@millrace/wire";
import type { StreamName } from "./catalog/records.ts";
import type { StreamsContext } from "./context.ts";
import type { NamesResource } from "./find-stream.ts";
import type { Authorizer } from "./authorizer.ts";
import type { CallRate } from "./limits.ts";
import { resourceNamedBy, streamNamedBy } from "./find-stream.ts";

/** What belongs to one call. */
export interface Call<O extends Operation> {
  readonly caller: Caller;
  /** Makes the answer that is an error; takes only the codes that the contract lists. */
  readonly failure: Failure<O>;
  /** Service time at which the call began. */
  readonly nowMs: number;
  /** How the answer is encoded. Not told where somebody may look at it before. */
  readonly form: AnswerForm;
  /** Says which stream a token turned out to be about. Rejects when the call is not permitted, or too much. */
  readonly about: (stream: StreamName) => Promise<void>;
}

/** Input has passed the constraints of the contract. What is thrown and no {@link ServiceError} is a bug. */
export type Behaviour<O extends Operation> = (
  context: StreamsContext,
  input: InputOf<O>,
  call: Call<O>,
) => AnswerOf<O> | Promise<AnswerOf<O>>;

const NO_FORM: AnswerForm = Object.freeze({});

/**
 * Joins an operation's contract to its behaviour. Around every call: permission, the operation's call rate,
 * and the meter.
 *
 * A request can name its stream in a token only. Such an operation is `byToken`: when no member names the stream,
 * its behaviour says which it is with `call.about`, before it does anything.
 */
export function handle<O extends Operation>(
  operation: O,
  behave: Behaviour<O>,
  { byToken = false }: { readonly byToken?: boolean } = {},
): (context: StreamsContext) => Handler<O> {
  const failure = failuresOf(operation);
  return (context) =>
    async (caller, input, form = NO_FORM) => {
      const beganMs = context.clock.monotonicMs();
      const nowMs = context.clock.nowMs();
      const named: NamesResource = input;
      let stream = streamNamedBy(named, caller);
      let isAdmitted = false;
      /** Undefined when there is nothing to wait for. */
      const admit = (): Promise<void> | undefined => {
        isAdmitted = true;
        if (context.authorizer !== undefined) return authorize(context.authorizer);
        return refuseBeyondRate(context, operation.name, caller, stream, nowMs);
      };
      const authorize = async (authorizer: Authorizer): Promise<void> => {
        const resourceArn = resourceNamedBy(named, stream);
        const denial = await authorizer.authorize(caller, `kinesis:${operation.name}`, resourceArn);
        if (denial !== undefined) throw failure("AccessDeniedException", denial);
        await refuseBeyondRate(context, operation.name, caller, stream, nowMs);
      };
      const call: Call<O> = {
        caller,
        failure,
        nowMs,
        form,
        async about(found) {
          stream = found;
          if (!isAdmitted) await admit();
        },
      };
      let errorCode: string | undefined;
      try {
        const admitted = !byToken || stream !== undefined ? admit() : undefined;
        if (admitted !== undefined) await admitted;
        const attempt = () => behave(context, input, call);
        const { refresh } = context.engine.state;
        const answer = await (refresh === undefined ? attempt() : withNewest(refresh, attempt));
        if (!isAdmitted) throw new Error(`${operation.name} did not say which stream it is about`);
        return answer;
      } catch (error) {
        errorCode = error instanceof ServiceError ? error.code : "InternalFailure";
        throw error;
      } finally {
        context.meter.operation({
          operation: operation.name,
          stream: stream?.name,
          latencyMs: context.clock.monotonicMs() - beganMs,
          errorCode,
        });
      }
    };
}

/** What is not known here may have been made through another server a moment ago. */
async function withNewest<Answer>(
  refresh: () => Promise<boolean>,
  attempt: () => Answer | Promise<Answer>,
): Promise<Answer> {
  try {
    return await attempt();
  } catch (error) {
    const isUnknown = error instanceof ServiceError && error.code === "ResourceNotFoundException";
    if (!isUnknown || !(await refresh())) throw error;
    return attempt();
  }
}

/** Undefined when there is nothing to wait for. As recorded by users of the service: the message names the stream when the request does, whatever the scope. */
function refuseBeyondRate(
  context: StreamsContext,
  operation: string,
  caller: Caller,
  stream: StreamName | undefined,
  nowMs: number,
): Promise<void> | undefined {
  if (!context.rates.limitsCallsOf(operation)) return undefined;
  const refuse = (exceeded: CallRate | undefined): void => {
    if (exceeded !== undefined) throw rateExceeded(context, caller, stream);
  };
  const exceeded = context.rates.admitCall(
    operation,
    {
      account: `${caller.accountId}/${caller.region}`,
      ...(stream === undefined ? {} : { stream: `${stream.accountId}/${stream.region}/${stream.name}` }),
    },
    nowMs,
  );
  if (exceeded instanceof Promise) return exceeded.then(refuse);
  refuse(exceeded);
  return undefined;
}

function rateExceeded(context: StreamsContext, caller: Caller, stream: StreamName | undefined): ServiceError {
  context.meter.throttled(undefined, undefined, "operationCalls", 1);
  return new ServiceError(
    "LimitExceededException",
    stream === undefined
      ? `Rate exceeded for account ${caller.accountId}.`
      : `Rate exceeded for stream ${stream.name} under account ${stream.accountId}.`,
  );
}
