/** Which of several services on one port a request is for. */
import type { Service } from "@millrace/api";
import type { WireRequest } from "../exchange.ts";
import { formOf } from "./query-protocol.ts";
import { rpcTarget } from "./rpc-cbor-protocol.ts";

/**
 * Makes the function that finds the contract which a request names: by the target header, by the path of RPC v2,
 * or by the version in a form, and where that says nothing by the credential scope. Undefined when it names none.
 */
export function serviceNamedIn<S extends Service>(
  contracts: readonly S[],
): (request: WireRequest) => S | undefined {
  const byPrefix = new Map(contracts.map((contract) => [contract.targetPrefix, contract]));
  const byVersion = new Map(contracts.map((contract) => [contract.apiVersion, contract]));
  const byScope = new Map(contracts.map((contract) => [contract.name, contract]));
  return (request) => {
    const target = request.headers["x-amz-target"];
    if (target !== undefined) {
      const dot = target.indexOf(".");
      return byPrefix.get(dot < 0 ? target : target.slice(0, dot));
    }
    const rpc = rpcTarget(request);
    if (rpc !== undefined) return byPrefix.get(rpc.service);
    const form = formOf(request);
    if (form === undefined) return undefined;
    const version = form.get("Version");
    if (version !== null) return byVersion.get(version);
    const scope = /Credential=[^,\s]*\/([^/,\s]+)\/aws4_request/.exec(request.headers["authorization"] ?? "");
    return byScope.get(scope?.[1] ?? "");
  };
}
